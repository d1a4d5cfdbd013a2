// What tsc leaves undone in dist/: the generated code, outputs of deleted sources, the executable bit.
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'

cpSync('proto/generated', 'dist/proto/generated', { recursive: true, filter: path => !path.endsWith('.stamp') })

// Only tsc's outputs have a .d.ts beside them; anything else in dist/ is not ours to prune.
for (const name of readdirSync('dist', { recursive: true })) {
  const base = name.replace(/\.d\.ts$/, '')
  if (base === name || existsSync(`${base}.ts`) || existsSync(name)) continue
  for (const suffix of ['.d.ts', '.js', '.js.map']) rmSync(`dist/${base}${suffix}`, { force: true })
}

const { bin } = JSON.parse(readFileSync('package.json', 'utf8'))
for (const path of Object.values(bin)) if (existsSync(path)) chmodSync(path, 0o755)
