// Run by key-file.test.ts in several processes: waits for a line, then prints whose identity it got.
import { loadOrCreateIdentity } from '../../../actors/identity/index.ts'

process.stdout.write('ready\n')
process.stdin.once('data', () => {
  process.stdout.write(`${loadOrCreateIdentity(process.argv[2] as string).peerId}\n`)
  process.stdin.destroy()
})
