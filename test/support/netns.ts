import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'

/** A machine on a {@link TestLan}: a network namespace with `lo` and `eth0`. */
export interface TestHost {
  /** Name of its namespace. */
  readonly namespace: string
  /** IPv4 address of its `eth0`, on 10.77.0.0/24. */
  readonly address: string
}

const prefix = 'p2pt'

/** Runs a command; what it wrote on stderr is in the error that it throws. */
function command(file: string, args: readonly string[], input = ''): string {
  return execFileSync(file, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}

const ip = (lines: readonly string[], namespace?: string): string =>
  command('ip', [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'], lines.join('\n') + '\n')

/** Namespaces of test runs that were killed before they could clean up: their process is gone. */
function sweep(): void {
  for (const line of command('ip', ['netns', 'list']).split('\n')) {
    const [, name, pid] = /^(p2pt-(\d+)-\S+)/.exec(line) ?? []
    if (name !== undefined && !existsSync(`/proc/${pid}`)) discard([name])
  }
}

function discard(namespaces: readonly string[]): void {
  for (const name of namespaces) {
    try {
      for (const pid of command('ip', ['netns', 'pids', name]).split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL')
    } catch { /* gone already */ }
    try {
      command('ip', ['netns', 'delete', name])
    } catch { /* gone already */ }
  }
}

/**
 * Hosts on one bridge, each a network namespace of its own; the bridge is in a namespace too, so that
 * nothing appears among the interfaces of this machine. Needs root and iproute2 (`needs('root', 'ip')`),
 * `nft` also nftables. IPv6 duplicate address detection is off: link-local addresses work at once.
 *
 * ```ts
 * const lan = TestLan.create(3)
 * afterAll(() => lan.remove())
 * const peer = lan.spawn(lan.hosts[0]!, process.execPath, ['peer.js'])
 * ```
 */
export class TestLan {
  readonly hosts: TestHost[] = []
  readonly #id: string
  readonly #bridge: string
  readonly #children = new Set<ChildProcess>()
  readonly #atExit = (): void => discard(this.#namespaces())

  private constructor() {
    // A run that was killed may have left a namespace under the number that this process has now.
    this.#id = `${prefix}-${process.pid}-${randomBytes(3).toString('hex')}`
    this.#bridge = `${this.#id}-br`
    process.once('exit', this.#atExit)
  }

  /** @throws Error when the environment lacks root or `ip`; nothing is left behind then */
  static create(hosts: number): TestLan {
    sweep()
    const lan = new TestLan()
    try {
      ip([`netns add ${lan.#bridge}`])
      ip(['link set lo up', 'link add br0 type bridge mcast_snooping 0', 'link set br0 up'], lan.#bridge)
      for (let i = 0; i < hosts; i++) lan.addHost()
    } catch (error) {
      lan.#atExit()
      process.removeListener('exit', lan.#atExit)
      throw error
    }
    return lan
  }

  /** One more host, plugged in. */
  addHost(): TestHost {
    const number = this.hosts.length + 1
    const host = { namespace: `${this.#id}-h${number}`, address: `10.77.0.${number}` }
    ip([`netns add ${host.namespace}`])
    this.hosts.push(host)
    this.exec(host, 'sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad')
    ip(['link set lo up'], host.namespace)
    this.plug(host)
    return host
  }

  /** Gives the host its `eth0`, up, with its address. */
  plug(host: TestHost): void {
    const port = `h${this.hosts.indexOf(host) + 1}`
    ip([`link add eth0 netns ${host.namespace} type veth peer name ${port} netns ${this.#bridge}`])
    ip([`link set ${port} master br0`, `link set ${port} up`], this.#bridge)
    ip([`address add ${host.address}/24 broadcast + dev eth0`, 'link set eth0 up'], host.namespace)
  }

  /** Takes the `eth0` of the host away altogether. */
  unplug(host: TestHost): void {
    ip(['link delete eth0'], host.namespace)
  }

  /** `down` cuts the cable: the other end of the host's veth goes down and `eth0` loses its carrier. */
  setLink(host: TestHost, state: 'up' | 'down'): void {
    ip([`link set h${this.hosts.indexOf(host) + 1} ${state}`], this.#bridge)
  }

  /** Loads nftables rules into the host's namespace, for example to drop a transport. */
  nft(host: TestHost, rules: string): void {
    command('ip', ['netns', 'exec', host.namespace, 'nft', '-f', '-'], rules)
  }

  /** Runs a command in the host and returns its stdout. */
  exec(host: TestHost, file: string, ...args: string[]): string {
    return command('ip', ['netns', 'exec', host.namespace, file, ...args])
  }

  /** Starts a process in the host; its pid is the process's own. `remove` kills it if it still runs. */
  spawn(host: TestHost, file: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', host.namespace, file, ...args], options)
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  /** Kills what still runs in the hosts and removes them with the bridge. */
  async remove(): Promise<void> {
    const gone = [...this.#children].map(child => new Promise(resolve => child.once('exit', resolve)))
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all(gone)
    this.#atExit()
    process.removeListener('exit', this.#atExit)
  }

  #namespaces(): string[] {
    return [...this.hosts.map(host => host.namespace), this.#bridge]
  }
}
