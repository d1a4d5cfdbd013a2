import { afterEach, describe, expect, it } from '@jest/globals'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Program, root } from './run.ts'

const running: Program[] = []
let networks = 0
/** Whoever else runs an example on this machine meets nobody of ours. */
const ownNetwork = () => `examples-${process.pid}-${networks++}`

function run(file: string, ...args: string[]): Program {
  const program = new Program(join(root, 'examples', file), args)
  running.push(program)
  return program
}

afterEach(() => Promise.all(running.splice(0).map(program => program.end())))

describe('the examples', () => {
  it('hello: two peers in one process find each other and talk', async () => {
    const lines = await run('hello.ts', ownNetwork()).done()
    expect(lines).toEqual([
      expect.stringMatching(/^ann is linked to bob at (127\.0\.0\.1|\[::1\]):\d+$/),
      'bob hears: hello, bob'
    ])
  })

  it('chat: what one types, the others read, and they see who comes and goes', async () => {
    const network = ownNetwork()
    const [ann, bob] = ['ann', 'bob'].map(name => run('chat.ts', '--name', name, '--network', network, '--interface', 'loopback')) as [Program, Program]
    await Promise.all([ann.line(/^\* bob \(\w{8}\) is here/), bob.line(/^\* ann \(\w{8}\) is here/)])
    ann.say('hello, bob')
    await bob.line(/^ann: hello, bob$/)
    bob.say('hello, ann')
    await ann.line(/^bob: hello, ann$/)
    bob.process.stdin.end()
    await bob.done()
    await ann.line(/^\* bob \(\w{8}\) has left/)
    ann.process.kill('SIGINT')
    await ann.done()
  })

  it('custom-actor: an actor with messages of its own is shared by two peers, and its log replays', async () => {
    const lines = await run('custom-actor.ts', ownNetwork()).done()
    expect(lines).toEqual([
      'ann and bob have counted to 42 together',
      expect.stringMatching(/^replayed: \d+ messages, 0 differences$/)
    ])
  })

  it('say at the top what they are and how to run them, and a chat takes less than 60 lines', () => {
    const files = readdirSync(join(root, 'examples')).filter(file => file.endsWith('.ts'))
    expect(files.length).toBeGreaterThanOrEqual(3)
    for (const file of files) {
      const text = readFileSync(join(root, 'examples', file), 'utf8')
      expect(text).toMatch(/^\/\/ [A-Z]/)
      expect(text).toContain(`npm run build && npm run ts examples/${file}`)
    }
    expect(readFileSync(join(root, 'examples/chat.ts'), 'utf8').split('\n').length).toBeLessThan(60)
    expect(readFileSync(join(root, 'examples/hello.ts'), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(25)
  })
})
