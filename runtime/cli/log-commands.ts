import { InvalidArgumentError, type Command } from 'commander'
import { UsageError } from './errors.ts'
import { parseTime } from '../log/filter.ts'
import type { ShowValues } from './log.ts'

interface Values {
  readonly json?: boolean
  readonly with?: readonly string[]
}

const WITH = ['--with <module>', 'actors of a host program: a module that exports their definitions, repeatable'] as const

/** The commands on message logs; FILE always comes first. */
export function addLogCommands(program: Command): void {
  const log = program.command('log').description('show, check, replay and compare message logs; FILE is what --record wrote')
  log.command('show')
    .description('print the messages of a log; the filters combine')
    .argument('<file>')
    .option('--actor <address>', 'from, to or for this actor: an address, one cut with …, or a kind')
    .option('--type <name>', 'messages of this type, repeatable', collect)
    .option('--since <time>', 'from this time of the run on: milliseconds, or 10s, 2m, 1.5h', time)
    .option('--follow', 'go on with what is written meanwhile, until the run stops')
    .option(...WITH, collect)
    .option('--json', 'one JSON object a line')
    .action(async (file: string, values: ShowValues) => (await import('./log.ts')).show(file, values))
  log.command('check')
    .description('read a log to its end: is it whole?')
    .argument('<file>')
    .option('--json', 'as a JSON object')
    .action(async (file: string, values: Values) => (await import('./log.ts')).check(file, values))
  log.command('replay')
    .description('run a log through fresh machines and compare every output')
    .argument('<file>')
    .option(...WITH, collect)
    .option('--json', 'as a JSON object')
    .action(async (file: string, values: Values) => (await import('./log.ts')).replay(file, values))
  log.command('diff')
    .description('the first difference of two logs; exits 0 if they are the same, 1 if not')
    .argument('<a>').argument('<b>')
    .option(...WITH, collect)
    .option('--json', 'as a JSON object')
    .action(async (a: string, b: string, values: Values) => (await import('./log.ts')).diff(a, b, values))
  log.command('trace')
    .description('the chain of causes of a message, back to the first packet')
    .argument('<file>').argument('<seq>', 'number of the message', seq)
    .option('--steps <n>', 'messages of a longer chain that are shown, the first and the last', steps, 1_000)
    .option(...WITH, collect)
    .option('--json', 'one JSON object a line, the first cause first')
    .action(async (file: string, number: number, values: Values & { steps: number }) => (await import('./log.ts')).trace(file, number, values))
  log.command('at')
    .description('every actor\'s state once a message was handled')
    .argument('<file>').argument('<seq>', 'number of the message', seq)
    .option('--actor <address>', 'this one, with its context: an address, one cut with …, or a kind')
    .option(...WITH, collect)
    .option('--json', 'one JSON object a line, with the contexts')
    .action(async (file: string, number: number, values: Values & { actor?: string }) => (await import('./log.ts')).at(file, number, values))
  log.command('join')
    .description('one picture from the logs of several peers')
    .argument('<files...>')
    .option('--mermaid', 'a sequence diagram as Mermaid text')
    .option(...WITH, collect)
    .option('--json', 'one JSON object a line')
    .action(async (files: string[], values: Values & { mermaid?: boolean }) => (await import('./log.ts')).join(files, values))
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function time(value: string): number {
  const ms = parseTime(value)
  if (ms === undefined) throw new InvalidArgumentError('Give milliseconds since the run began, or a time such as 10s, 2m or 1.5h')
  return ms
}

function seq(value: string): number {
  if (!/^\d{1,15}$/.test(value) || Number(value) < 1) throw new UsageError(`'${value}' is no number of a message: give a whole number from 1 on, as \`p2pnet log show FILE\` prints them`)
  return Number(value)
}

function steps(value: string): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) < 2) throw new InvalidArgumentError('Give a whole number from 2 on')
  return Number(value)
}
