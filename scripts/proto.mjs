// Generates proto/generated/: protobufjs static code for the schema, and a flat module with one
// export for each message, so that sources write `import { PeerHeard } from '../proto/index.ts'`.
// And examples/generated/: a module for each .proto of the examples, as a host program would make it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)
const schema = readdirSync(join(root, 'proto/p2pnet/v1')).filter(file => file.endsWith('.proto')).sort()
const out = join(root, 'proto/generated')
const examples = readdirSync(join(root, 'examples'), { recursive: true }).filter(file => file.endsWith('.proto')).sort().map(file => join(root, 'examples', file))
const examplesOut = join(root, 'examples/generated')
const pbjs = join(dirname(require.resolve('protobufjs-cli/package.json')), 'bin/pbjs')

// Builds and tests call this often and pbjs takes seconds: nothing changed, nothing to do.
const hash = createHash('sha256').update(require('protobufjs-cli/package.json').version)
for (const file of [import.meta.filename, ...schema.map(file => join(root, 'proto/p2pnet/v1', file)), ...examples]) {
  hash.update(`\n${basename(file)}\n`).update(readFileSync(file))
}
const digest = hash.digest('hex')
const schemaDigest = schema.reduce((sum, file) => sum.update(readFileSync(join(root, 'proto/p2pnet/v1', file))), createHash('sha256')).digest('hex')
const stamp = join(out, '.stamp')
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) process.exit()

mkdirSync(out, { recursive: true })
mkdirSync(examplesOut, { recursive: true })

execFileSync(process.execPath, [
  pbjs,
  '-t', 'static-module', '-w', 'esm', '--dts', '--root', 'p2pnet', '--no-service', '--no-verify', '--no-delimited', '--force-message',
  '-p', join(root, 'proto'), '-o', join(out, 'messages.js'),
  ...schema.map(file => join(root, 'proto/p2pnet/v1', file))
], { stdio: 'inherit' })

// The schema has no 64-bit integers (envelope.proto says why), so nobody needs the types of `long`.
const declarations = readFileSync(join(out, 'messages.d.ts'), 'utf8').replace('import Long = require("long");\n', '')
if (/\bLong\b/.test(declarations)) throw new Error('the schema has a 64-bit integer: use double or uint32 instead')
writeFileSync(join(out, 'messages.d.ts'), declarations)
const names = [...declarations.matchAll(/^ {8}(?:class|enum) (\w+)/gm)].map(match => match[1])
writeFileSync(join(out, 'v1.js'), [
  "import { p2pnet } from './messages.js'",
  'const v1 = p2pnet.v1',
  ...names.map(name => `export const ${name} = v1.${name}`),
  '/** SHA-256 over the schema, in hex. */',
  `export const SCHEMA_DIGEST = '${schemaDigest}'`, ''
].join('\n'))
writeFileSync(join(out, 'v1.d.ts'), [
  "import { p2pnet } from './messages.js'",
  ...names.map(name => `export import ${name} = p2pnet.v1.${name}`),
  '/** SHA-256 over the schema, in hex. */',
  'export declare const SCHEMA_DIGEST: string', ''
].join('\n'))
for (const file of examples) {
  const module = join(examplesOut, `${basename(file, '.proto')}.js`)
  execFileSync(process.execPath, [pbjs, '-t', 'static-module', '-w', 'esm', '--dts', '-o', module, file], { stdio: 'inherit' })
}
writeFileSync(stamp, digest)
