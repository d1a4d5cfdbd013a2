import { definitions } from '../../actors/index.ts'
import { checkCommand, replayCommand, showCommand } from '../log/commands.ts'
import { atCommand, diffCommand, traceCommand } from '../log/inspect-commands.ts'
import { joinCommand } from '../log/join-command.ts'
import { registryFor, type ReplayOptions } from '../log/replay.ts'
import type { Registry } from '../../proto/index.ts'
import { loadDefinitions } from './definitions.ts'
import { Lifetime } from './lifetime.ts'

const streams = { out: process.stdout, err: process.stderr }
const width = () => process.stdout.columns ?? 120

interface Values {
  readonly json?: boolean
  readonly with?: readonly string[]
}

export interface ShowValues extends Values {
  readonly actor?: string
  readonly type?: readonly string[]
  readonly since?: number
  readonly follow?: boolean
}

/** `p2pnet log show FILE`. */
export async function show(file: string, { json = false, actor, type, since, follow = false, with: modules }: ShowValues): Promise<void> {
  const { registry } = await known(modules)
  const options = {
    json, width: width(), registry, follow,
    ...(actor === undefined ? {} : { actor }), ...(type === undefined ? {} : { types: type }), ...(since === undefined ? {} : { sinceMs: since })
  }
  if (!follow) {
    process.exitCode = await showCommand(file, streams, options)
    return
  }
  const lifetime = new Lifetime()
  const stop = new AbortController()
  void lifetime.ended.then(() => stop.abort())
  try {
    process.exitCode = await showCommand(file, streams, { ...options, signal: stop.signal })
  } finally {
    lifetime.close()
  }
}

/** `p2pnet log check FILE`. */
export async function check(file: string, { json = false }: Values): Promise<void> {
  process.exitCode = await checkCommand(file, streams, { json })
}

/** `p2pnet log replay FILE`: exits 0 only if every output is the same. */
export async function replay(file: string, { json = false, with: modules }: Values): Promise<void> {
  process.exitCode = await replayCommand(file, streams, { json, ...await known(modules) })
}

/** `p2pnet log trace FILE SEQ`. */
export async function trace(file: string, seq: number, { json = false, steps, with: modules }: Values & { steps: number }): Promise<void> {
  process.exitCode = await traceCommand(file, seq, streams, { json, maxSteps: steps, width: width(), ...await known(modules) })
}

/** `p2pnet log at FILE SEQ`. */
export async function at(file: string, seq: number, { json = false, actor, with: modules }: Values & { actor?: string }): Promise<void> {
  process.exitCode = await atCommand(file, seq, streams, { json, width: width(), ...actor === undefined ? {} : { actor }, ...await known(modules) })
}

/** `p2pnet log diff A B`: exits 0 if they are the same, 1 if not. */
export async function diff(a: string, b: string, { json = false, with: modules }: Values): Promise<void> {
  process.exitCode = await diffCommand(a, b, streams, { json, width: width(), ...await known(modules) })
}

/** `p2pnet log join A B…`. */
export async function join(files: readonly string[], { json = false, mermaid = false, with: modules }: Values & { mermaid?: boolean }): Promise<void> {
  process.exitCode = await joinCommand(files, streams, { json, mermaid, width: width(), ...await known(modules) })
}

/** The library's own actors, and those of a host program. */
async function known(modules: readonly string[] = []): Promise<ReplayOptions & { readonly registry: Registry }> {
  const own = await loadDefinitions(modules)
  const options = { definitions: [...definitions, ...own.definitions], messages: own.messages }
  return { ...options, registry: registryFor(options) }
}
