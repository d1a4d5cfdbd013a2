import type { AnyStateNode } from 'xstate'
import { definitions } from '../../actors/index.ts'
import { mermaid } from '../visualize/mermaid.ts'
import { UsageError } from './errors.ts'
import { print, printJson } from './output.ts'

/** `p2pnet machines [KIND]`: the kinds with their states, or one statechart as Mermaid text. */
export function machines(kind: string | undefined, { json }: { json?: true }): void {
  if (kind === undefined) {
    for (const { kind, version = 1, machine, drivers = {} } of definitions) {
      const states = statesOf(machine.root)
      if (json) printJson({ kind, version, states, drivers: Object.keys(drivers) })
      else print(`${kind.padEnd(18)} ${states.join(' ')}`)
    }
    return
  }
  const found = definitions.find(definition => definition.kind === kind)
  if (found === undefined) throw new UsageError(`there is no machine '${kind}': there are ${definitions.map(({ kind }) => kind).join(', ')}`)
  const text = mermaid(found.machine)
  if (json) printJson({ kind, mermaid: text })
  else print(text.trimEnd())
}

function statesOf(node: AnyStateNode): string[] {
  return Object.values(node.states).flatMap(child => [child.path.join('.'), ...statesOf(child)])
}
