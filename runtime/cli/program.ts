import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { complain, watchOutput } from './output.ts'
import { failureOf } from './errors.ts'
import { addLogCommands } from './log-commands.ts'
import type { DoctorValues } from './doctor.ts'
import type { DemoValues } from './demo/options.ts'
import type { PeersValues } from './peers.ts'
import type { SimulateValues } from './simulate.ts'
import type { UpValues } from './up/options.ts'
import type { StepName } from './up/trust.ts'
import { version } from '../version.ts'

/** Follows a command line; sets the exit code: 0 done, 1 failed, 2 bad usage or configuration. */
export async function run(args: readonly string[]): Promise<void> {
  watchOutput()
  const program = p2pnet()
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return
      complain(`p2pnet: ${usageLine(error, program, args)}`)
      process.exitCode = 2
      return
    }
    const { text, exitCode } = failureOf(error)
    complain(`p2pnet: ${text}`)
    process.exitCode = exitCode
  }
}

function usageLine(error: CommanderError, program: Command, args: readonly string[]): string {
  const path = pathOf(program, args).join(' ')
  const help = `${path} --help`
  if (error.code === 'commander.help') {
    const examples = path === 'p2pnet log' ? '`p2pnet log show FILE`' : '`p2pnet demo` or `p2pnet up`'
    return `say what to do, for example ${examples}; \`${help}\` lists all`
  }
  const what = error.message.replace(/^error: /, '').replace(/\.?\s*\n\s*/g, ' ').replace(/\.$/, '')
  return `${what}: see \`${help}\``
}

/** The names of the commands that the arguments lead to. */
function pathOf(command: Command, args: readonly string[]): string[] {
  const next = command.commands.find(sub => sub.name() === args[0])
  return [command.name(), ...(next ? pathOf(next, args.slice(1)) : [])]
}

/** Each command loads its own code when it runs, so that the small ones start fast. */
function p2pnet(): Command {
  const program = new Command('p2pnet')
    .description('Serverless peer-to-peer networking: peers find, verify and message each other, and share files.')
    .version(version())
    .configureOutput({ outputError: () => {}, writeErr: () => {} })
    .exitOverride()
    .enablePositionalOptions()
    .helpCommand('help [command]', 'display help for command')

  program.command('demo')
    .description('three peers on this machine (loopback only) find, verify and message each other and share a file')
    .option('--exit', 'end by itself when all is shown')
    .option('--json', 'one JSON object a line')
    .option('--record <dir>', 'keep the message logs of the three peers in this folder')
    .action(async (values: DemoValues) => (await import('./demo/run.ts')).demo(values))

  program.command('up')
    .description('run a peer')
    .option('--name <name>', 'what people call this peer')
    .option('--network <name>', 'peers of other networks are ignored', 'p2pnet')
    .option('--data <dir>', 'folder of the identity and of known peers (default: the platform\'s data folder)')
    .option('--listen <host:port>', 'where to accept links (default: all interfaces, a free port)')
    .option('--no-inbound', 'accept no links: dial others only')
    .option('--interface <name>', 'network interface to use, repeatable (default: every usable one)', collect)
    .option('--no-lan', 'do not look for peers on the local network')
    .option('--ports <list>', 'UDP ports of discovery (default: 8001,8002,8003)', ports)
    .option('--peer <[peerid@]host:port>', 'a peer at a known place, repeatable', collect)
    .option('--max-links <n>', 'most links held at once', wholeNumber(1, 10_000))
    .option('--max-lan-links <n>', 'most links to peers of the local network; it stays in one piece', wholeNumber(2, 10_000))
    .option('--max-wan-links <n>', 'most links to all other peers', wholeNumber(2, 10_000))
    .option('--max-inbound <n>', 'most links that others dialled', wholeNumber(1, 10_000))
    .option('--max-outbound <n>', 'most links that this peer dialled', wholeNumber(1, 10_000))
    .option('--max-per-address <n>', 'most links that were dialled from one address', wholeNumber(1, 10_000))
    .option('--max-per-subnet <n>', 'most links that were dialled from one /24, or /48 of IPv6', wholeNumber(1, 10_000))
    .option('--reserved-links <n>', 'of all links, those that only known and named peers get', wholeNumber(1, 10_000))
    .option('--accept-rate <n>', 'connections a second that are accepted from one address, and ten times as many from all', wholeNumber(1, 10_000))
    .option('--policy <file>', 'whom to let in, and what they may do, as JSON; see docs/policies.md')
    .option('--block <address|cidr|peerid>', 'have no link with it, repeatable', collect)
    .option('--inbox <dir>', 'folder in which files from peers land (default: none are taken)')
    .option('--record <file>', 'write the message log to this file')
    .option('--keep <time|size>', 'of the log, keep the last part alone: 30s, 10m, 2h, 64MiB, 1GiB')
    .option('--tune <kind.option=value>', 'an option of a default actor, repeatable; see docs/command-line.md', tune)
    .option('--key-file <file>', 'file with the key of the network, as `p2pnet key` prints it (default: P2PNET_KEY, else an open network)')
    .addOption(new Option('--trust <step>', 'how peers verify each other, repeatable, in order (default: secret where there is a key, else pings)')
      .choices(STEP_NAMES).argParser(step))
    .option('--allow <peerid>', 'a peer that passes the step allowlist, repeatable', collect)
    .option('--authority <peerid>', 'an authority whose certificates count in the step authority, repeatable', collect)
    .option('--certificate <file>', 'this peer\'s own certificate')
    .addOption(new Option('--log-level <level>', 'what is logged to stderr')
      .choices(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('warn'))
    .option('--json', 'one JSON object a line on stdout')
    .option('--wait', 'come up, but find and dial peers only after the command `start`')
    .option('--stop-with-stdin', 'stop in order when stdin ends')
    .addHelpText('after', '\nCommands on stdin: start, peers, say TEXT, say @PEER TEXT, send PATH [@PEER],\nwhy PEER, drop PEER, block PEER, block ADDRESS, block CIDR, unblock (the same),\npolicy, policy NAME VALUE, take [PEER], name NEW-NAME, approve PEER, refuse PEER\n[REASON], revoke PEER [REASON], verify PEER, routine NAME start|stop|every 30s,\nstatus, quit.\nA PEER is a name or any unambiguous start of a PeerId.')
    .action(async (values: UpValues) => (await import('./up/run.ts')).up(values))

  program.command('id')
    .description('show or make this machine\'s identity')
    .option('--data <dir>', 'folder of the identity (default: the platform\'s data folder)')
    .option('--json', 'as a JSON object')
    .action(async (values: { data?: string; json?: true }) => (await import('./id.ts')).id(values))

  program.command('peers')
    .description('list the peers that a data folder remembers')
    .option('--data <dir>', 'folder of the identity (default: the platform\'s data folder)')
    .option('--network <name>', 'network whose peers are listed', 'p2pnet')
    .option('--json', 'one JSON object a line')
    .action(async (values: PeersValues) => (await import('./peers.ts')).peers(values))

  program.command('doctor')
    .description('why peers do not connect: look over this machine; with a PeerId or [PEERID@]HOST:PORT, try a link to it; with a log, explain the peers in it, or PEER alone')
    .argument('[target]').argument('[peer]')
    .option('--network <name>', 'network in which a link is tried', 'p2pnet')
    .option('--data <dir>', 'folder of the identity to look at (default: the platform\'s data folder), or as which a link is tried (default: somebody new)')
    .option('--listen <host:port>', 'where links are to be accepted (default: all interfaces, a free port)')
    .option('--interface <name>', 'network interface to use, repeatable (default: every usable one)', collect)
    .option('--ports <list>', 'UDP ports of discovery (default: 8001,8002,8003)', ports)
    .option('--key-file <file>', 'file with the key of the network (default: P2PNET_KEY, else an open network)')
    .option('--certificate <file>', 'this peer\'s own certificate')
    .option('--timeout <seconds>', 'how long a link may take to come about (default: 20)', seconds)
    .option('--with <module>', 'actors of a host program whose log it is, repeatable', collect)
    .option('--json', 'one JSON object a line')
    .action(async (target: string | undefined, peer: string | undefined, values: DoctorValues) => (await import('./doctor.ts')).doctor(target, peer, values))

  program.command('key')
    .description('generate a network key')
    .option('--json', 'as a JSON object')
    .action(async (values: { json?: true }) => (await import('./key.ts')).key(values))

  program.command('machines')
    .description('list the statecharts, or draw one as Mermaid text')
    .argument('[kind]')
    .option('--json', 'the list as JSON objects')
    .action(async (kind: string | undefined, values: { json?: true }) => (await import('./machines.ts')).machines(kind, values))

  program.command('simulate')
    .description('a whole network in one process, from a seed: every run can be repeated')
    .option('--peers <n>', 'how many peers', wholeNumber(1, 60_000), 8)
    .option('--seconds <s>', 'how long things go wrong, in simulated seconds', wholeNumber(0, 1_000_000), 30)
    .option('--seed <k>', 'everything follows from it', wholeNumber(0, 0xffff_ffff), 1)
    .option('--seeds <m>', 'as many runs, from that seed on, across the cores', wholeNumber(1, 1_000_000))
    .option('--faults <file>', 'what goes wrong, as JSON; `none` for a calm network (default: a little of everything)')
    .option('--subnet <n>', 'peers of one subnet', wholeNumber(1, 250), 50)
    .option('--routed', 'unicast passes between subnets: one network on one core (default: each subnet by itself, on every core)')
    .option('--scene <json>', 'a run as JSON, or a file with it, as a failing run was shrunk to; in place of the options above')
    .option('--out <dir>', 'folder for the log and the sequence diagram of a failing run, and for its scene')
    .option('--no-shrink', 'leaves a failing run as it is')
    .option('--shrink-runs <n>', 'runs that shrinking may take', wholeNumber(1, 1_000_000), 300)
    .option('--json', 'one JSON object a line')
    .action(async (values: SimulateValues) => (await import('./simulate.ts')).simulate(values))

  addLogCommands(program)
  return program
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

const STEP_NAMES = ['pings', 'secret', 'allowlist', 'authority', 'ask'] satisfies StepName[]

function step(value: string, before: readonly string[] = []): readonly string[] {
  if (!(STEP_NAMES as readonly string[]).includes(value)) throw new InvalidArgumentError(`Allowed choices are ${STEP_NAMES.join(', ')}.`)
  if (before.includes(value)) throw new InvalidArgumentError('Name each step once.')
  return [...before, value]
}

type Tune = Readonly<Record<string, Readonly<Record<string, unknown>>>>

function tune(value: string, before: Tune = {}): Tune {
  const [, kind = '', option = '', text = ''] = /^([a-z-]+)\.(\w+)=(.+)$/.exec(value) ?? []
  try {
    return { ...before, [kind]: { ...before[kind], [option]: JSON.parse(text) as unknown } }
  } catch {
    throw new InvalidArgumentError('Give KIND.OPTION=VALUE with a JSON value, such as peer-connection.keepAliveIntervalMs=1000')
  }
}

function wholeNumber(min: number, max: number): (value: string) => number {
  return value => {
    if (!/^\d{1,10}$/.test(value) || Number(value) < min || Number(value) > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}`)
    }
    return Number(value)
  }
}

function seconds(value: string): number {
  return 1_000 * wholeNumber(1, 3_600)(value)
}

function ports(value: string): readonly number[] {
  return value.split(',').map(port => {
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
      throw new InvalidArgumentError('Give ports from 1 to 65535 with commas between them, such as 8001,8002,8003')
    }
    return Number(port)
  })
}
