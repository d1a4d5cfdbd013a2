import { afterAll, describe, expect, it } from '@jest/globals'
import type { AnyActor } from 'xstate'
import { fileShareMachine, type FileShareOptions } from '../../machines/file-share.ts'
import {
  FileAnswer, FileCancel, FileOffer, FileReceipt, PeerDisconnected, ShareFile, SpawnActor, SpawnFailed, Terminated, Watch
} from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { TransitionCoverage } from '../../runtime/testing/coverage.ts'

const coverage = new TransitionCoverage(fileShareMachine)
const digest = new Uint8Array(32)
const ANN = 'a'.repeat(52)
const BOB = 'b'.repeat(52)

function start(options: Partial<FileShareOptions> = {}): MachineRun {
  const run = new MachineRun(fileShareMachine, {
    address: 'file-share/main', options: { accepts: true, maxFileBytes: 1_000, maxTransfers: 64, maxIncomingPerPeer: 16, ...options }
  })
  coverage.watch(run.actor as AnyActor)
  return run
}

const offer = (change: Partial<FileOffer> = {}) => new FileOffer({ transferId: 't1', name: 'a.txt', size: 100, digest, ...change })
const answers = (run: MachineRun) => run.of('FileAnswer').map(({ to, body }) => [to, body.transferId, body.code])
const spawned = (run: MachineRun) => run.of('SpawnActor').map(({ body }) => ({ kind: body.kind, id: body.id, options: JSON.parse(body.options) as object }))

describe('sharing files', () => {
  it('starts a transfer for each receiver, each with an id of its own', () => {
    const run = start()
    run.hear(new ShareFile({ path: '/tmp/a.txt', peerIds: [ANN, BOB] }))
    const [one, two] = spawned(run)
    expect(one).toEqual({ kind: 'file-send', id: one!.id, options: { transferId: one!.id, peerId: ANN, path: '/tmp/a.txt' } })
    expect(two).toMatchObject({ options: { peerId: BOB } })
    expect(one!.id).not.toBe(two!.id)
    expect(run.of('Watch').map(({ to, body }) => [to, body])).toEqual([one, two].map(({ id }: any) => ['system', new Watch({ address: `file-send/${id}` })]))
  })

  it('starts a receiving transfer for an offer', () => {
    const run = start()
    run.hear(offer(), `peer/${ANN}`)
    expect(run.take().map(({ to, body }) => [to, body])).toEqual([
      ['system', new SpawnActor({
        kind: 'file-receive', id: `${ANN.slice(0, 16)}-t1`,
        options: JSON.stringify({ transferId: 't1', peerId: ANN, name: 'a.txt', size: 100, digest: '00'.repeat(32) })
      })],
      ['system', new Watch({ address: `file-receive/${ANN.slice(0, 16)}-t1` })]
    ])
  })

  it('tells its own people the name that will land, not the one that was offered', () => {
    const run = start()
    run.hear(offer({ name: '../../.ssh/authorized_keys\u001b[2J' }), `peer/${ANN}`)
    expect(spawned(run)).toMatchObject([{ options: { name: 'authorized_keys_[2J' } }])
  })

  it.each([
    ['no-inbox', { accepts: false }, {}],
    ['too-large', {}, { size: 1_001 }],
    ['bad-offer', {}, { size: -1 }],
    ['bad-offer', {}, { size: 0.5 }],
    ['bad-offer', {}, { size: NaN }],
    ['bad-offer', {}, { size: Infinity }],
    ['bad-offer', {}, { size: 2 ** 53 }],
    ['bad-offer', {}, { digest: new Uint8Array(31) }],
    ['bad-offer', {}, { digest: new Uint8Array() }]
  ] as const)('refuses with %s an offer that cannot be taken', (code, options, change) => {
    const run = start(options)
    run.hear(offer(change), `peer/${ANN}`)
    expect(answers(run)).toEqual([[`peer/${ANN}`, 't1', code]])
    expect(spawned(run)).toEqual([])
  })

  it('refuses a second offer by the id of a running one, and leaves that one alone', () => {
    const run = start()
    run.hear(offer(), `peer/${ANN}`)
    run.hear(offer(), `peer/${ANN}`)
    expect(answers(run)).toEqual([[`peer/${ANN}`, 't1', 'bad-offer']])
    expect(spawned(run)).toHaveLength(1)
  })

  it('takes the same id from two peers', () => {
    const run = start()
    run.hear(offer(), `peer/${ANN}`)
    run.hear(offer(), `peer/${BOB}`)
    expect(spawned(run)).toHaveLength(2)
    expect(answers(run)).toEqual([])
  })

  it.each(['', '../x', 'A', 'a/b', 'x'.repeat(33), '__proto__', 'a#file'])('refuses, without repeating it, an offer whose id %j could be taken for something else', transferId => {
    const run = start()
    run.hear(offer({ transferId }), `peer/${ANN}`)
    expect(answers(run)).toEqual([[`peer/${ANN}`, '', 'bad-offer']])
    expect(spawned(run)).toEqual([])
  })

  it('says so when a transfer cannot be started, and forgets it', () => {
    const run = start({ maxIncomingPerPeer: 1 })
    run.hear(offer(), `peer/${ANN}`)
    run.hear(new SpawnFailed({ kind: 'file-receive', id: `${ANN.slice(0, 16)}-t1`, code: 'actor-limit', reason: 'too many actors' }), 'system')
    expect(answers(run)).toEqual([[`peer/${ANN}`, 't1', 'busy']])
    run.hear(offer({ transferId: 't2' }), `peer/${ANN}`)
    expect(spawned(run)).toHaveLength(2)
    run.hear(new ShareFile({ path: '/tmp/a.txt', peerIds: [BOB] }))
    const { id } = spawned(run)[2]!
    run.hear(new SpawnFailed({ kind: 'file-send', id, code: 'actor-limit', reason: 'too many actors' }), 'system')
    expect(run.of('TransferFailed').map(({ body }) => body)).toMatchObject([{ transferId: id, peerId: BOB, direction: 'out', code: 'busy' }])
    run.take()
    run.hear(new SpawnFailed({ kind: 'file-send', id, code: 'actor-limit' }), 'system')
    expect(run.take()).toEqual([])
  })

  it('drops an offer that no peer made', () => {
    const run = start()
    run.hear(offer(), 'host')
    expect(run.take()).toEqual([])
  })

  it('takes so many files from one peer at once, and others can still send', () => {
    const run = start({ maxIncomingPerPeer: 2 })
    for (const transferId of ['t1', 't2', 't3']) run.hear(offer({ transferId }), `peer/${ANN}`)
    run.hear(offer(), `peer/${BOB}`)
    expect(answers(run)).toEqual([[`peer/${ANN}`, 't3', 'busy']])
    expect(spawned(run)).toHaveLength(3)
    run.hear(new Terminated({ address: `file-receive/${ANN.slice(0, 16)}-t1` }), 'system')
    run.hear(offer({ transferId: 't4' }), `peer/${ANN}`)
    expect(spawned(run)).toHaveLength(4)
  })

  it('runs so many transfers at once in each direction and says which it refused', () => {
    const run = start({ maxTransfers: 1 })
    run.hear(offer({ transferId: 't0' }), `peer/${ANN}`)
    expect(answers(run)).toEqual([])
    run.hear(new ShareFile({ path: '/tmp/a.txt', peerIds: [ANN, BOB] }))
    expect(run.of('TransferFailed')).toMatchObject([{ body: { peerId: BOB, code: 'busy', name: 'a.txt', direction: 'out' } }])
    run.hear(offer(), `peer/${ANN}`)
    expect(answers(run)).toMatchObject([[`peer/${ANN}`, 't1', 'busy']])
  })

  it('brings what the other side says to its own transfer only', () => {
    const run = start()
    run.hear(new ShareFile({ path: '/tmp/a.txt', peerIds: [ANN] }))
    run.hear(offer(), `peer/${ANN}`)
    const sending = `file-send/${spawned(run)[0]!.id}`
    const receiving = `file-receive/${ANN.slice(0, 16)}-t1`
    const transferId = sending.slice('file-send/'.length)
    run.take()
    for (const message of [new FileAnswer({ transferId }), new FileReceipt({ transferId }), new FileCancel({ transferId: 't1' })]) {
      run.hear(message, `peer/${BOB}`)
      run.hear(message, 'host')
      expect(run.take()).toEqual([])
      run.hear(message, `peer/${ANN}`)
      expect(run.take()).toMatchObject([{ to: message instanceof FileCancel ? receiving : sending, body: message }])
    }
    run.hear(new FileAnswer({ transferId: 'nobody' }), `peer/${ANN}`)
    expect(run.take()).toEqual([])
  })

  it('tells the transfers of a peer that it is gone', () => {
    const run = start()
    run.hear(new ShareFile({ path: '/tmp/a.txt', peerIds: [ANN, BOB] }))
    const [one] = spawned(run)
    run.take()
    run.hear(new PeerDisconnected({ peerId: ANN }), 'link-keeper/main')
    expect(run.take()).toMatchObject([{ to: `file-send/${one!.id}`, type: 'PeerDisconnected' }])
  })

  afterAll(() => expect(coverage.missing()).toEqual([]))
})
