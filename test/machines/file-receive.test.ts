import { afterAll, describe, expect, it } from '@jest/globals'
import type { AnyActor } from 'xstate'
import { fileReceiveMachine, type FileReceiveOptions } from '../../machines/file-receive.ts'
import {
  FileAnswer, FileCancel, FileFailed, FileProgress, FileReceipt, FileStored, PeerDisconnected, Stop, StoreFile, StoreOpened,
  TransferDone, TransferOffered, TransferProgress, TransferStarted
} from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { TransitionCoverage } from '../../runtime/testing/coverage.ts'

const coverage = new TransitionCoverage(fileReceiveMachine)
const digest = Uint8Array.from({ length: 32 }, (_, index) => 255 - index)
const hex = Buffer.from(digest).toString('hex')
const about = { transferId: 't1', peerId: 'ann', name: 'a.txt', size: 100, direction: 'in' }
const DRIVER = 'file-receive/ann-t1#file'

function start(options: Partial<FileReceiveOptions> = {}): MachineRun {
  const run = new MachineRun(fileReceiveMachine, {
    address: 'file-receive/ann-t1', options: { transferId: 't1', peerId: 'ann', name: 'a.txt', size: 100, digest: hex, stallMs: 30_000, ...options }
  })
  coverage.watch(run.actor as AnyActor)
  return run
}

function receiving(): MachineRun {
  const run = start()
  run.hear(new StoreOpened(), DRIVER)
  run.take()
  return run
}

const said = (run: MachineRun) => run.take().map(({ to, body }) => [to, body])

describe('receiving a file', () => {
  it('makes room, accepts, stores, and confirms', () => {
    const run = start()
    expect(said(run)).toEqual([
      ['', new TransferOffered(about)],
      [DRIVER, new StoreFile({ peerId: 'ann', transferId: 't1', name: 'a.txt', size: 100, digest })]
    ])
    run.hear(new StoreOpened(), DRIVER)
    expect(said(run)).toEqual([['peer/ann', new FileAnswer({ transferId: 't1', accepted: true })], ['', new TransferStarted(about)]])
    run.hear(new FileProgress({ bytes: 100 }), DRIVER)
    expect(said(run)).toEqual([['', new TransferProgress({ ...about, bytes: 100 })]])
    run.hear(new FileStored({ path: '/inbox/a.txt' }), DRIVER)
    expect(said(run)).toEqual([
      ['peer/ann', new FileReceipt({ transferId: 't1', stored: true })],
      ['', new TransferDone({ ...about, contentId: `sha256-${hex}`, path: '/inbox/a.txt' })]
    ])
    expect(run.done).toBe(true)
  })

  it('refuses the offer when there is no room', () => {
    const run = start()
    run.take()
    run.hear(new FileFailed({ code: 'no-access', reason: 'no' }), DRIVER)
    expect(said(run)).toEqual([
      ['peer/ann', new FileAnswer({ transferId: 't1', code: 'no-access', reason: 'no' })],
      ['', expect.objectContaining({ code: 'no-access' })]
    ])
  })

  it('tells the sender when it cannot go on', () => {
    const run = receiving()
    run.hear(new FileFailed({ code: 'disk-full', reason: 'full' }), DRIVER)
    expect(said(run)).toEqual([
      ['peer/ann', new FileReceipt({ transferId: 't1', code: 'disk-full', reason: 'full' })],
      ['', expect.objectContaining({ code: 'disk-full' })]
    ])
  })

  it.each([['opening', start, 'FileAnswer'], ['receiving', receiving, 'FileReceipt']] as const)('says goodbye when this peer stops while %s', (_state, make, type) => {
    const run = make()
    run.take()
    run.hear(new Stop())
    expect(run.of(type)).toMatchObject([{ to: 'peer/ann', body: { code: 'stopped' } }])
    expect(run.done).toBe(true)
  })

  it.each([['opening', start], ['receiving', receiving]] as const)('ends when the sender gives up or is gone while %s', (_state, make) => {
    const cancelled = make()
    cancelled.hear(new FileCancel({ transferId: 't1', code: 'file-changed', reason: 'shorter' }))
    expect(cancelled.of('TransferFailed')).toMatchObject([{ body: { code: 'file-changed', reason: 'shorter' } }])
    const gone = make()
    gone.hear(new PeerDisconnected({ peerId: 'ann', reason: 'cable' }))
    expect(gone.of('TransferFailed')).toMatchObject([{ body: { code: 'disconnected', reason: 'the link ended: cable' } }])
  })

  it('gives up when no byte comes, and not as long as some do', () => {
    const run = receiving()
    for (let bytes = 1; bytes <= 5; bytes++) {
      run.pass(29_999)
      run.hear(new FileProgress({ bytes }), DRIVER)
    }
    run.pass(29_999)
    expect(run.done).toBe(false)
    run.pass(1)
    expect(run.of('FileReceipt')).toMatchObject([{ body: { code: 'stalled', stored: false } }])
    expect(run.clock.pending()).toEqual([])
  })

  afterAll(() => expect(coverage.missing()).toEqual([]))
})
