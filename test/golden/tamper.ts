import type { LogHeader, LogRecord } from '../../proto/index.ts'
import { pack, unpack } from '../runtime/log/samples.ts'

/** A log that was changed with right checksums, and where a replay must notice it. */
export interface Twin {
  readonly bytes: Uint8Array
  /** The first number that may differ. */
  readonly from: number
  /** The last number at which it must have been noticed. */
  readonly to: number
}

type LogEnvelope = NonNullable<LogRecord['input']>

const seqOf = ({ input, output }: LogRecord): number => (input ?? output)?.seq ?? 0
const seqIn = ({ seq }: LogEnvelope): number => seq ?? 0

function changed(log: Uint8Array, change: (records: LogRecord[]) => { from: number; to?: number }): Twin {
  const records = unpack(log).flat()
  const { from, to = from } = change(records)
  return { bytes: pack([records]), from, to }
}

/** The first output that the input led to directly. */
const effectOf = (records: readonly LogRecord[], input: LogEnvelope): number =>
  records.find(({ output }) => output?.cause === input.seq)?.output?.seq ?? 0

const withEffect = (records: readonly LogRecord[]): { input: LogEnvelope; at: number }[] =>
  records.flatMap(({ input, nested }, at) => input != null && !nested && effectOf(records, input) > 0 ? [{ input, at }] : [])

/** The port at which it listens is another, by one bit: the last byte of the message. */
export function otherByte(log: Uint8Array): Twin {
  return changed(log, records => {
    const { input } = withEffect(records).find(each => each.input.type === 'ListenOpened')!
    const body = input.body!
    input.body = body.map((byte, at) => at === body.length - 1 ? byte ^ 1 : byte)
    return { from: effectOf(records, input) }
  })
}

/** Something that a driver said, and that was answered at once, is missing. */
export function droppedInput(log: Uint8Array): Twin {
  return changed(log, records => {
    const { at } = withEffect(records).find(each => seqOf(records[each.at + 1]!) === effectOf(records, each.input))!
    records.splice(at, 1)
    return { from: seqOf(records[at]!) }
  })
}

/** Something that a machine said is missing. */
export function droppedOutput(log: Uint8Array): Twin {
  return changed(log, records => {
    const at = records.findIndex(({ output }) => output?.type === 'Listening')
    const [gone] = records.splice(at, 1)
    return { from: seqOf(gone!) }
  })
}

/** Two inputs have changed places; the numbers and times stay. */
export function swappedInputs(log: Uint8Array): Twin {
  return changed(log, records => {
    const inputs = withEffect(records)
    const second = inputs.findIndex(({ input }, index) => index > 0 && input.type !== inputs[index - 1]!.input.type)
    const [a, b] = [inputs[second - 1]!.input, inputs[second]!.input]
    const { from, to, type, body } = a
    Object.assign(a, { from: b.from, to: b.to, type: b.type, body: b.body })
    Object.assign(b, { from, to, type, body })
    return { from: seqIn(a) + 1, to: effectOf(records, a) }
  })
}

/** The core drew other numbers: its first connection has another name. */
export function otherSeed(log: Uint8Array): Twin {
  return changed(log, records => {
    const header = records[0]!.header as LogHeader
    header.seed = header.seed.map((byte, at) => at === 0 ? byte ^ 1 : byte)
    return { from: seqOf(records.find(({ output }) => output?.type === 'ActorStarted' && Buffer.from(output.body!).includes('peer-connection/'))!) }
  })
}
