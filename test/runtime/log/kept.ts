import { Writable } from 'node:stream'
import type { Checkpoint } from '../../../proto/index.ts'
import { readLog } from '../../../runtime/log/index.ts'

/** Until it is so, or as long. */
export async function until(holds: () => boolean, ms = 30_000): Promise<void> {
  for (const began = performance.now(); !holds() && performance.now() - began < ms;) await new Promise(resolve => setTimeout(resolve, 2))
}

export class Text extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

export const streams = () => ({ out: new Text(), err: new Text() })

/** Where a log begins; undefined for the start of the run. */
export function checkpointOf(path: string): Checkpoint | undefined {
  const reader = readLog(path)
  const { checkpoint } = reader
  reader.close()
  return checkpoint
}
