// Puts into README.md what it shows of the code: the example, and the picture of a statechart. Run after a build.
import { readFileSync, writeFileSync } from 'node:fs'
import { peerConnectionMachine } from '../dist/machines/peer-connection.js'
import { mermaid } from '../dist/runtime/visualize/mermaid.js'

const readme = readFileSync('README.md', 'utf8')
  .replace(/```ts\n[^]*?```/, () => `\`\`\`ts\n${readFileSync('examples/hello.ts', 'utf8').trimEnd()}\n\`\`\``)
  .replace(/```mermaid\n[^]*?```/, () => `\`\`\`mermaid\n${mermaid(peerConnectionMachine)}\`\`\``)
writeFileSync('README.md', readme)
