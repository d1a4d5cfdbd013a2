// Records until it is killed.
import { LinksChanged, LogHeader } from '../../../proto/index.ts'
import { BusEnvelope } from '../../../runtime/kernel/index.ts'
import { LogWriter } from '../../../runtime/log/index.ts'

const writer = new LogWriter(process.argv[2]!, new LogHeader({ format: 1, library: 'p2pnet' }), { maxOpenMs: 5 })
let seq = 0
setInterval(() => {
  for (let i = 0; i < 200; i++) {
    const body = new LinksChanged({ links: ++seq })
    writer.output(BusEnvelope.of({ type: 'LinksChanged', seq, time: seq, from: 'link-keeper/main', to: '', cause: 0 }, LinksChanged, body))
  }
  process.stdout.write(`${seq}\n`)
}, 1)
