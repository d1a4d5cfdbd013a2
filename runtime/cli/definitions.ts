import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ActorDefinition } from '../../actors/seam/index.ts'
import type { MessageClass } from '../../proto/index.ts'
import { UsageError } from './errors.ts'

/** How deep in an export definitions are looked for: an array of specs with what they spawn. */
const DEPTH_MAX = 3

/** What modules of a host program give a replay. */
export interface HostDefinitions {
  readonly definitions: ActorDefinition[]
  readonly messages: MessageClass[]
}

/**
 * Loads the modules of `--with`: paths, or names of packages that are found from the working directory. Taken are all exports
 * that are actor definitions, specs of actors, message types, or arrays of them.
 * @throws UsageError when one cannot be loaded, or exports no definition
 */
export async function loadDefinitions(modules: readonly string[]): Promise<HostDefinitions> {
  const definitions = new Set<ActorDefinition>()
  const messages = new Set<MessageClass>()
  for (const name of modules) {
    const exported = await load(name)
    const before = definitions.size
    for (const value of Object.values(exported)) collect(value, definitions, messages, DEPTH_MAX)
    if (definitions.size === before) {
      throw new UsageError(`--with ${name} exports no actor definition: export what you give to createPeer({ actors }), ` +
        `or what defineActor returns (it exports ${Object.keys(exported).join(', ') || 'nothing'})`)
    }
  }
  return { definitions: [...definitions], messages: [...messages] }
}

async function load(name: string): Promise<object> {
  const path = resolve(name)
  try {
    const file = existsSync(path) ? path : createRequire(resolve('here.js')).resolve(name)
    return await import(pathToFileURL(file).href) as object
  } catch (error) {
    const { code, message = String(error) } = error as NodeJS.ErrnoException
    const [line] = message.split('\n')
    const hint = code === 'ERR_UNKNOWN_FILE_EXTENSION' ? ': this Node runs no such file, name the built JavaScript' : ''
    throw new UsageError(`--with ${name} cannot be loaded${hint} (${line})`, { cause: error })
  }
}

function collect(value: unknown, definitions: Set<ActorDefinition>, messages: Set<MessageClass>, depth: number): void {
  if (typeof value === 'function') {
    if (typeof (value as unknown as MessageClass).getTypeUrl === 'function') messages.add(value as unknown as MessageClass)
    return
  }
  if (typeof value !== 'object' || value === null || depth === 0) return
  if (Array.isArray(value)) {
    for (const each of value) collect(each, definitions, messages, depth - 1)
  } else if ('kind' in value && typeof value.kind === 'string' && 'machine' in value) {
    definitions.add(value as unknown as ActorDefinition)
  } else if ('definition' in value) {
    collect(value.definition, definitions, messages, depth - 1)
    if ('spawns' in value) collect(value.spawns, definitions, messages, depth - 1)
  }
}
