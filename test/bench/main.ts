// `npm run bench [NAME …]`: everything is measured beside its baseline in the same run; read the ratios.
import { bus } from './bus.ts'
import { linkBench } from './link.ts'
import { meshBench } from './mesh.ts'
import { recording } from './recording.ts'

const benches: Readonly<Record<string, () => Promise<unknown>>> = { bus, recording, link: linkBench, mesh: meshBench }

const names = process.argv.slice(2)
const unknown = names.find(name => !(name in benches))
if (unknown !== undefined) {
  console.error(`no benchmark is named ${unknown}: there are ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
for (const [name, bench] of Object.entries(benches)) {
  if (names.length > 0 && !names.includes(name)) continue
  console.log(`\n# ${name}`)
  await bench()
}
