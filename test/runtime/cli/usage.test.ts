import { readFileSync, statSync, chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { NetworkKey } from '../../../actors/identity/index.ts'
import { p2pnet, Scratch } from './cli.ts'

const scratch = new Scratch()
afterAll(() => scratch.remove())

describe('a wrong command line', () => {
  it.each([
    [[], /say what to do/],
    [['log'], /say what to do, for example `p2pnet log show FILE`/],
    [['help', 'pu'], /say what to do/],
    [['pu'], /unknown command 'pu' \(Did you mean up\?\): see `p2pnet --help`/],
    [['relay'], /unknown command 'relay'/],
    [['up', '--frob'], /unknown option '--frob': see `p2pnet up --help`/],
    [['up', 'extra'], /too many arguments/],
    [['up', '--name'], /argument missing/],
    [['up', '--max-links', 'many'], /Give a whole number from 1 to 10000/],
    [['up', '--max-links', '0'], /Give a whole number/],
    [['up', '--ports', '8001,x'], /Give ports from 1 to 65535/],
    [['up', '--ports', '70000'], /Give ports from 1 to 65535/],
    [['up', '--log-level', 'loud'], /Allowed choices are silent, fatal/],
    [['up', '--trust', 'rumour'], /Allowed choices are pings/],
    [['up', '--trust', 'secret'], /--trust secret needs a key/],
    [['up', '--max-lan-links', 'x'], /Give a whole number from 2 to 10000/],
    [['up', '--listen', 'here'], /'here' is not HOST:PORT/],
    [['up', '--peer', 'nobody'], /'nobody' is not HOST:PORT/],
    [['up', '--peer', 'abc@127.0.0.1:1'], /is not \[PEERID@\]HOST:PORT/],
    // A name with 64 letters in a row is none (RFC 1035), so that no name server is asked, which may take its time.
    [['up', '--peer', `${'x'.repeat(64)}.invalid:4000`], /cannot find the address of 'x{64}\.invalid'/],
    [['up', '--no-inbound', '--listen', '127.0.0.1:0'], /leave one out/],
    [['up', '--block', 'somebody'], /'somebody' cannot be blocked: give an address, a subnet/],
    [['up', '--policy', '/no/such/file'], /--policy \/no\/such\/file cannot be read \(ENOENT\)/],
    [['up', '--policy', import.meta.filename], /usage.test.ts is no JSON/],
    [['up', '--max-inbound', '0'], /Give a whole number from 1/],
    [['up', '--no-lan', '--ports', '8001'], /leave one out/],
    [['up', '--network', ''], /the network needs a name/],
    [['up', '--name', 'x'.repeat(65)], /a name has 1 to 64 characters/],
    [['up', '--inbox', '/dev/null/inbox'], /--inbox \/dev\/null\/inbox cannot be used/],
    [['up', '--keep', '10m'], /--keep says how much of the log to keep and --record names its file: give both/],
    [['up', '--record', 'never.p2plog', '--keep', 'a while'], /'a while' is not a time or a size to keep: write 30s, 10m, 2h, 2048KiB/],
    [['up', '--record', 'never.p2plog', '--keep', '1KiB'], /'1KiB' is too little to keep: give 1MiB or more/],
    [['demo', '--record', '/dev/null/logs'], /--record \/dev\/null\/logs cannot be used/],
    [['log', 'show'], /missing required argument 'file': see `p2pnet log show --help`/],
    [['log', 'replay', '/no/such/file'], /^p2pnet: \/no\/such\/file does not exist/],
    [['machines', 'perpetuum-mobile'], /there is no machine 'perpetuum-mobile': there are .*peer-connection/],
    ...['--bootstrap', '--dht', '--relay', '--stun', '--dashboard'].map(
      option => [['up', option, 'x'], new RegExp(`unknown option '${option}'`)] as [string[], RegExp])
  ] as [string[], RegExp][])('%j exits 2 with one line on stderr', async (args, line) => {
    // Were one of them right by mistake, it must not touch the user's own identity or network.
    const harmless = args[0] === 'up' ? ['up', '--data', scratch.of('wrong'), '--interface', 'loopback', ...args.slice(1)] : args
    const { code, stdout, stderr } = await p2pnet(harmless)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^[^\n]+\n$/)
    expect(stderr).toMatch(line)
  })

  it('exits 2 rather than run an open network where the key is not right', async () => {
    const args = ['up', '--data', scratch.of('keyed'), '--interface', 'loopback']
    const { code, stderr } = await p2pnet(args, { env: { P2PNET_KEY: NetworkKey.generate().text().slice(1) } })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^p2pnet: P2PNET_KEY: a network key has \d+ letters[^\n]+\n$/)
  })

  it('exits 2 when the place to listen at is taken', async () => {
    const { createServer } = await import('node:net')
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { code, stderr } = await p2pnet(['up', '--json', '--interface', 'loopback', '--data', scratch.of('taken'), '--listen', `127.0.0.1:${port}`])
    server.close()
    expect(code).toBe(2)
    expect(stderr).toMatch(/^[^\n]+\n$/)
  })
})

describe('asking for help', () => {
  it.each([['--help'], ['up', '--help'], ['log', '--help'], ['demo', '-h'], ['help'], ['help', 'up']])('%s prints it on stdout and exits 0', async (...args) => {
    const { code, stdout, stderr } = await p2pnet(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: p2pnet/)
    expect(stdout.split('\n').filter(line => line.length > 80)).toEqual([])
  })

  it('--version prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as { version: string }
    expect(await p2pnet(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` })
  })
})

describe('p2pnet id', () => {
  it('makes an identity for its owner alone, once, and prints the PeerId', async () => {
    const data = scratch.of('id')
    const first = await p2pnet(['id', '--data', data])
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[a-z2-7]{51}[aq]\n$/) })
    expect(first.stderr).toContain('made a new identity')
    expect(statSync(join(data, 'identity.key')).mode & 0o777).toBe(0o600)
    expect(await p2pnet(['id', '--data', data])).toEqual({ ...first, stderr: '' })
  })

  it('prints a JSON object on demand', async () => {
    const data = scratch.of('id-json')
    const made = JSON.parse((await p2pnet(['id', '--data', data, '--json'])).stdout) as { peerId: string }
    expect(made).toEqual({ peerId: expect.any(String), file: join(data, 'identity.key'), made: true })
    expect(JSON.parse((await p2pnet(['id', '--data', data, '--json'])).stdout)).toEqual({ ...made, made: false })
  })

  it('keeps to the platform\'s data folder unless told', async () => {
    const { stdout } = await p2pnet(['id', '--json'], { env: { HOME: scratch.path, XDG_DATA_HOME: scratch.of('xdg') } })
    expect((JSON.parse(stdout) as { file: string }).file.startsWith(scratch.path)).toBe(true)
  })

  it('refuses a key that others may read, and one that is damaged, and touches neither', async () => {
    const data = scratch.of('id-loose')
    await p2pnet(['id', '--data', data])
    chmodSync(join(data, 'identity.key'), 0o644)
    expect(await p2pnet(['id', '--data', data])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^p2pnet: .*chmod 600.*\n$/) })
    expect((await p2pnet(['up', '--json', '--interface', 'loopback', '--data', data])).code).toBe(2)
    writeFileSync(join(data, 'identity.key'), 'nonsense')
    chmodSync(join(data, 'identity.key'), 0o600)
    expect(await p2pnet(['id', '--data', data])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^p2pnet: .*does not hold an identity.*\n$/) })
    expect(readFileSync(join(data, 'identity.key'), 'utf8')).toBe('nonsense')
  })
})

describe('p2pnet key', () => {
  it('prints a new key each time, and nothing else', async () => {
    const [one, two] = await Promise.all([p2pnet(['key']), p2pnet(['key'])])
    expect(one.code).toBe(0)
    expect(NetworkKey.parse(one.stdout).text()).toBe(one.stdout.trim())
    expect(one.stdout).not.toBe(two.stdout)
    expect(JSON.parse((await p2pnet(['key', '--json'])).stdout)).toEqual({ key: expect.any(String) })
  })
})

describe('p2pnet machines', () => {
  it('lists every kind with its states', async () => {
    const { code, stdout } = await p2pnet(['machines', '--json'])
    const kinds = stdout.trim().split('\n').map(line => JSON.parse(line) as { kind: string; states: string[] })
    expect(code).toBe(0)
    expect(kinds.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['link-keeper', 'peer-connection', 'broadcaster', 'discovery-channel', 'file-share']))
    for (const { states } of kinds) expect(states.length).toBeGreaterThan(0)
  })

  it('draws one as Mermaid text', async () => {
    expect((await p2pnet(['machines', 'file-send'])).stdout).toMatch(/^stateDiagram-v2\n.*\n.*offered --> sending : FileAnswer\n/s)
  })

  it('ends quietly when nobody reads', async () => {
    const { spawn } = await import('node:child_process')
    const { MAIN } = await import('./cli.ts')
    const child = spawn(process.execPath, [MAIN, 'machines'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (text: Buffer) => { stderr += text.toString() })
    const code = await new Promise(resolve => child.on('close', resolve))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})
