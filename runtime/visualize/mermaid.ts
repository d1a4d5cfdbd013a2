import type { AnyStateMachine, AnyStateNode } from 'xstate'

const INDENT = '  '
/** Stands for whichever state the machine is in, as the source of transitions that all have. */
const ANYWHERE = 'anywhere'

/**
 * Draws a statechart as a Mermaid stateDiagram, from the machine itself: each state, and each transition
 * between two with the events that cause it. What a state does without leaving it is left out.
 */
export function mermaid(machine: AnyStateMachine): string {
  const { root } = machine
  const lines = ['stateDiagram-v2', ...statesOf(root, 1)]
  const fromAnywhere = arrows(root)
  if (fromAnywhere.length > 0) lines.push(`${INDENT}state "any state" as ${ANYWHERE}`)
  lines.push(...fromAnywhere, ...childrenOf(root).flatMap(arrowsOfAll))
  return `${lines.join('\n')}\n`
}

function childrenOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states)
}

function statesOf(node: AnyStateNode, depth: number): string[] {
  const pad = INDENT.repeat(depth)
  const lines: string[] = []
  const initial = node.initial?.target?.[0]
  if (initial !== undefined) lines.push(`${pad}[*] --> ${idOf(initial)}`)
  for (const child of childrenOf(node)) {
    const name = child.key === idOf(child) ? child.key : `"${child.key}" as ${idOf(child)}`
    if (childrenOf(child).length > 0) lines.push(`${pad}state ${name} {`, ...regions(child, depth + 1), `${pad}}`)
    else if (child.key !== idOf(child)) lines.push(`${pad}state ${name}`)
    if (child.type === 'final') lines.push(`${pad}${idOf(child)} --> [*]`)
  }
  return lines
}

/** The parts of a parallel state stand side by side. */
function regions(node: AnyStateNode, depth: number): string[] {
  if (node.type !== 'parallel') return statesOf(node, depth)
  const separator = `${INDENT.repeat(depth)}--`
  return childrenOf(node).flatMap((region, index) => [...(index > 0 ? [separator] : []), ...statesOf(region, depth)])
}

function arrowsOfAll(node: AnyStateNode): string[] {
  return [...arrows(node), ...childrenOf(node).flatMap(arrowsOfAll)]
}

/** One arrow for each pair of states, however many events lead from one to the other. */
function arrows(node: AnyStateNode): string[] {
  const labels = new Map<string, Set<string>>()
  for (const transition of [...node.transitions.values()].flat().concat(node.always ?? [])) {
    for (const target of transition.target ?? []) {
      if (target === node && !transition.reenter) continue
      const known = labels.get(idOf(target)) ?? new Set()
      labels.set(idOf(target), known.add(eventName(transition.eventType)))
    }
  }
  const source = node.parent === undefined ? ANYWHERE : idOf(node)
  return [...labels].map(([target, events]) => {
    const label = [...events].filter(event => event !== '').join(', ')
    return `${INDENT}${source} --> ${target}${label === '' ? '' : ` : ${label}`}`
  })
}

/** `PeerHeard`, `after backoff`, or nothing for a transition that needs no event. */
function eventName(type: string): string {
  const after = /^xstate\.after\.(.+?)\./.exec(type)
  if (after !== null) return /^\d+$/.test(after[1]!) ? `after ${after[1]} ms` : `after ${after[1]}`
  return type.startsWith('xstate.done.') ? 'done' : type
}

/** Unique in the picture, and free of what Mermaid reads as its own. */
function idOf(node: AnyStateNode): string {
  const id = node.path.join('_').replace(/[^A-Za-z0-9_]/g, '_')
  return id === 'end' || id === 'state' || id === ANYWHERE ? `${id}_` : id
}
