import type { AnyActor, AnyMachineSnapshot, AnyStateMachine, Snapshot } from 'xstate'
import { NotPlainError, parsePlain, plainText } from './plain.ts'

/** A statechart as a checkpoint holds it. */
export interface MachineState {
  readonly value: string
  readonly context: string
  readonly history: string
  readonly nodes: readonly string[]
}

/**
 * The statechart of a snapshot.
 * @param options of the machine: its context may hold them as they are
 * @throws NotPlainError when it holds what a checkpoint cannot
 */
export function machineState({ value, context, historyValue, children, _nodes }: AnyMachineSnapshot, options: object): MachineState {
  for (const child of Object.keys(children)) throw new NotPlainError(`children.${child}`, 'an actor inside the machine')
  const history = Object.entries(historyValue as Record<string, { id: string }[]>).map(([id, nodes]) => [id, nodes.map(node => node.id)])
  return {
    value: JSON.stringify(value),
    context: plainText(context, 'context', options),
    history: history.length === 0 ? '' : JSON.stringify(Object.fromEntries(history)),
    // Only where states are active side by side has their order a meaning.
    nodes: _nodes.filter(({ type }) => type === 'atomic' || type === 'final').length > 1 ? _nodes.map(({ id }) => id) : []
  }
}

/** What XState makes an actor from, which then is in the state but has entered nothing. */
export function persisted(state: MachineState, options: object): Snapshot<unknown> {
  const context = parsePlain(state.context, options)
  // XState copies it, and of a text each character.
  if (typeof context !== 'object' || context === null || Array.isArray(context)) throw new TypeError('a context is no object')
  const history = JSON.parse(state.history || '{}') as Record<string, string[]>
  return {
    status: 'active',
    value: JSON.parse(state.value),
    context,
    historyValue: Object.fromEntries(Object.entries(history).map(([id, nodes]) => [id, nodes.map(node => ({ id: node }))])),
    children: {}
  } as unknown as Snapshot<unknown>
}

/** Puts the active states of an actor that was just made in the order in which they were entered. */
export function reorder(actor: AnyActor, machine: AnyStateMachine, state: MachineState): void {
  if (state.nodes.length === 0) return
  const snapshot = actor.getSnapshot() as AnyMachineSnapshot
  snapshot._nodes.splice(0, snapshot._nodes.length, ...state.nodes.map(id => machine.getStateNodeById(id)))
  // The order of its regions is one of its keys.
  Object.assign(snapshot, { value: JSON.parse(state.value) as unknown })
}
