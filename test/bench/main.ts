// `npm run bench [NAME …]`: everything is measured beside its baseline in the same run; read the ratios. `simulate` takes minutes: only where it is named.
import { bus } from './bus.ts'
import { linkBench } from './link.ts'
import { meshBench } from './mesh.ts'
import { recording } from './recording.ts'
import { simulateBench } from './simulate.ts'

const benches: Readonly<Record<string, () => Promise<unknown>>> = { bus, recording, link: linkBench, mesh: meshBench, simulate: simulateBench }
const onlyNamed: ReadonlySet<string> = new Set(['simulate'])

const names = process.argv.slice(2)
const unknown = names.find(name => !(name in benches))
if (unknown !== undefined) {
  console.error(`no benchmark is named ${unknown}: there are ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
for (const [name, bench] of Object.entries(benches)) {
  if (names.length > 0 ? !names.includes(name) : onlyNamed.has(name)) continue
  console.log(`\n# ${name}`)
  await bench()
}
