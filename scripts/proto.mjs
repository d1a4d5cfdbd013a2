// Generates proto/generated/: protobufjs static code for the schema, and a flat module with one
// export for each message, so that sources write `import { PeerHeard } from '../proto/index.ts'`.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)
const schema = readdirSync(join(root, 'proto/p2pnet/v1')).filter(file => file.endsWith('.proto')).sort()
const out = join(root, 'proto/generated')
mkdirSync(out, { recursive: true })

execFileSync(process.execPath, [
  join(dirname(require.resolve('protobufjs-cli/package.json')), 'bin/pbjs'),
  '-t', 'static-module', '-w', 'esm', '--dts', '--root', 'p2pnet', '--no-service', '--no-verify', '--no-delimited', '--force-message',
  '-p', join(root, 'proto'), '-o', join(out, 'messages.js'),
  ...schema.map(file => join(root, 'proto/p2pnet/v1', file))
], { stdio: 'inherit' })

const declarations = readFileSync(join(out, 'messages.d.ts'), 'utf8')
const names = [...declarations.matchAll(/^ {8}(?:class|enum) (\w+)/gm)].map(match => match[1])
writeFileSync(join(out, 'v1.js'), [
  "import { p2pnet } from './messages.js'",
  'const v1 = p2pnet.v1',
  ...names.map(name => `export const ${name} = v1.${name}`), ''
].join('\n'))
writeFileSync(join(out, 'v1.d.ts'), [
  "import { p2pnet } from './messages.js'",
  ...names.map(name => `export import ${name} = p2pnet.v1.${name}`), ''
].join('\n'))
