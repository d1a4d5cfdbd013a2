import { Subject, filter } from 'rxjs'
import { classOf, typeName, type Envelope, type Message, type MessageClass } from '../../../proto/index.ts'
import { diagnose } from '../../../runtime/doctor/diagnose.ts'
import type { Diagnosis } from '../../../runtime/doctor/diagnosis.ts'
import { Histories, type HistoriesOptions } from '../../../runtime/doctor/histories.ts'

/** Wall time at logical zero. */
export const ZERO = Date.UTC(2026, 0, 1)

/** Histories that hear what a test says. */
export class Said {
  readonly said = new Subject<Envelope<string, any>>()
  readonly histories: Histories
  time = 0
  #seq = 0

  constructor(options: Partial<HistoriesOptions> = {}) {
    this.histories = new Histories({ of: (type: MessageClass<any>) => this.said.pipe(filter(envelope => envelope.type === typeName(type))) }, () => ZERO, options)
  }

  /** Says it, a millisecond after what was said before. */
  say(body: Message, from = '', to = from === '' ? '' : 'link-keeper/main'): this {
    this.time++
    this.said.next({ type: typeName(classOf(body)), body, from, to, time: this.time, seq: ++this.#seq, cause: 0, bytes: new Uint8Array() })
    return this
  }

  why(peer: string, now = ZERO + this.time): Diagnosis {
    return diagnose(this.histories, this.histories.find(peer), now)
  }
}
