import { afterAll, describe, expect, it } from '@jest/globals'
import type { AnyActor } from 'xstate'
import { fileSendMachine, type FileSendOptions } from '../../machines/file-send.ts'
import {
  FileAnswer, FileCancel, FileFailed, FileOffer, FilePrepared, FileProgress, FilePumped, FileReceipt, PeerDisconnected, PrepareFile, PumpFile, Stop,
  TransferDone, TransferOffered, TransferProgress, TransferStarted
} from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { TransitionCoverage } from '../../runtime/testing/coverage.ts'

const coverage = new TransitionCoverage(fileSendMachine)
const digest = Uint8Array.from({ length: 32 }, (_, index) => index)
const about = { transferId: 't1', peerId: 'bob', name: 'a.txt', size: 100, direction: 'out' }
const DRIVER = 'file-send/t1#file'

function start(options: Partial<FileSendOptions> = {}): MachineRun {
  const run = new MachineRun(fileSendMachine, {
    address: 'file-send/t1', options: { transferId: 't1', peerId: 'bob', path: '/tmp/a.txt', answerMs: 60_000, stallMs: 30_000, ...options }
  })
  coverage.watch(run.actor as AnyActor)
  return run
}

function upTo(state: 'offered' | 'sending' | 'confirming'): MachineRun {
  const run = start()
  run.hear(new FilePrepared({ name: 'a.txt', size: 100, digest }), DRIVER)
  if (state !== 'offered') run.hear(new FileAnswer({ transferId: 't1', accepted: true }))
  if (state === 'confirming') run.hear(new FilePumped(), DRIVER)
  run.take()
  return run
}

/** What it published, without the times. */
const said = (run: MachineRun) => run.take().map(({ to, body }) => [to, body])
const failure = (run: MachineRun) => run.of('TransferFailed').map(({ body }) => ({ code: body.code, reason: body.reason }))

describe('sending a file', () => {
  it('prepares, offers, pumps when it is accepted, and is done when the receiver has stored it', () => {
    const run = start()
    expect(said(run)).toEqual([[DRIVER, new PrepareFile({ path: '/tmp/a.txt' })]])
    run.hear(new FilePrepared({ name: 'a.txt', size: 100, digest }), DRIVER)
    expect(said(run)).toEqual([[DRIVER, new FileOffer({ transferId: 't1', name: 'a.txt', size: 100, digest })], ['', new TransferOffered(about)]])
    run.hear(new FileAnswer({ transferId: 't1', accepted: true }))
    expect(said(run)).toEqual([[DRIVER, new PumpFile({ peerId: 'bob', transferId: 't1' })], ['', new TransferStarted(about)]])
    run.hear(new FileProgress({ bytes: 60 }), DRIVER)
    expect(said(run)).toEqual([['', new TransferProgress({ ...about, bytes: 60 })]])
    run.hear(new FilePumped(), DRIVER)
    run.hear(new FileReceipt({ transferId: 't1', stored: true }))
    expect(said(run)).toEqual([['', new TransferDone({ ...about, contentId: `sha256-${Buffer.from(digest).toString('hex')}` })]])
    expect(run.done).toBe(true)
  })

  it.each([
    ['its file cannot be read', () => start(), new FileFailed({ code: 'no-file', reason: 'gone' }), 'no-file'],
    ['the link does not take the offer', () => upTo('offered'), new FileFailed({ code: 'not-accepted', reason: 'no' }), 'not-accepted'],
    ['the file changes under way', () => upTo('sending'), new FileFailed({ code: 'file-changed', reason: 'shorter' }), 'file-changed']
  ])('gives up and says so when %s', (_when, make, message, code) => {
    const run = make()
    run.take()
    run.hear(message, DRIVER)
    expect(run.of('FileCancel')).toMatchObject([{ to: 'peer/bob', body: new FileCancel({ transferId: 't1', code, reason: message.reason }) }])
    expect(failure(run)).toEqual([{ code, reason: message.reason }])
    expect(run.done).toBe(true)
  })

  it('names the file by its path when it could not even be opened', () => {
    const run = start()
    run.hear(new FileFailed({ code: 'no-file', reason: 'gone' }), DRIVER)
    expect(run.of('TransferFailed')[0]!.body.name).toBe('a.txt')
  })

  it('ends without a word to the receiver who refused', () => {
    const run = upTo('offered')
    run.hear(new FileAnswer({ transferId: 't1', code: 'no-inbox', reason: 'none' }))
    expect(said(run)).toMatchObject([['', { code: 'no-inbox', reason: 'none', name: 'a.txt' }]])
  })

  it('ends when the receiver gives up under way', () => {
    const run = upTo('sending')
    run.hear(new FileReceipt({ transferId: 't1', code: 'disk-full', reason: 'full' }))
    expect(failure(run)).toEqual([{ code: 'disk-full', reason: 'full' }])
  })

  it('does not believe in a receipt for bytes that were not sent yet', () => {
    const run = upTo('sending')
    run.hear(new FileReceipt({ transferId: 't1', stored: true }))
    expect(failure(run)).toMatchObject([{ code: 'refused' }])
  })

  it('fails when the receiver finds another digest', () => {
    const run = upTo('confirming')
    run.hear(new FileReceipt({ transferId: 't1', code: 'bad-digest', reason: 'differs' }))
    expect(failure(run)).toMatchObject([{ code: 'bad-digest' }])
  })

  it('takes no code or reason from another peer that a screen or a log could not bear', () => {
    const run = upTo('offered')
    run.hear(new FileAnswer({ transferId: 't1', code: '\u001b[2J', reason: `\u001b[31m${'x'.repeat(1_000_000)}` }))
    const [{ code, reason } = { code: '', reason: '' }] = failure(run)
    expect(code).toBe('refused')
    expect(reason).toMatch(/^\[31mx{295}$/)
  })

  it.each(['offered', 'sending', 'confirming'] as const)('ends when the peer is gone while %s', state => {
    const run = upTo(state)
    run.hear(new PeerDisconnected({ peerId: 'bob', code: 'lost', reason: 'cable' }))
    expect(said(run)).toMatchObject([['', { code: 'disconnected', reason: 'the link ended: cable' }]])
  })

  it('tells the receiver when this peer stops', () => {
    const run = upTo('sending')
    run.hear(new Stop())
    expect(run.of('FileCancel')).toMatchObject([{ body: { code: 'stopped', reason: 'the sender stops' } }])
    expect(failure(run)).toMatchObject([{ code: 'stopped' }])
  })

  it('waits for an answer as long as it is told to, and no longer', () => {
    const run = upTo('offered')
    run.pass(59_999)
    expect(run.done).toBe(false)
    run.pass(1)
    expect(failure(run)).toMatchObject([{ code: 'no-answer' }])
    expect(run.clock.pending()).toEqual([])
  })

  it('gives up when no byte moves, and not as long as some do', () => {
    const run = upTo('sending')
    for (let bytes = 1; bytes <= 5; bytes++) {
      run.pass(29_999)
      run.hear(new FileProgress({ bytes }), DRIVER)
    }
    run.pass(30_000)
    expect(failure(run)).toMatchObject([{ code: 'stalled' }])
  })

  it('gives up when nothing confirms the file', () => {
    const run = upTo('confirming')
    run.pass(30_000)
    expect(failure(run)).toMatchObject([{ code: 'no-receipt' }])
  })

  afterAll(() => expect(coverage.missing()).toEqual([]))
})
