import { approvals } from '../../actors/approvals/index.ts'
import { NetworkKey } from '../../actors/identity/index.ts'
import type { ActorDefinition, ActorSpec } from '../../actors/seam/index.ts'
import { verifyAskDefinition } from '../../actors/verify-ask/index.ts'
import { verifyPingsDefinition } from '../../actors/verify-pings/index.ts'
import { secretStep } from '../../actors/verify-secret/index.ts'
import { Level } from '../../proto/index.ts'
import type { PeerOptions } from './options.ts'

/** How the peers of a network verify each other, as the actors that do it. */
export interface Trust {
  /** Definitions of all steps, our own and those in which we take part for others. */
  readonly steps: readonly ActorDefinition[]
  /** Options for every connection; none for three pings, which are its own default. */
  readonly connection: { readonly steps?: readonly string[]; readonly answers?: readonly string[] }
  /** What must run beside the links. */
  readonly actors: readonly ActorSpec[]
}

/** @throws NetworkKeyError */
export function keyOf(key: PeerOptions['key']): NetworkKey | undefined {
  return typeof key === 'string' ? NetworkKey.parse(key) : key
}

/** @throws NetworkKeyError */
export function trustOf({ verify, answers = [], key: given, dir = '' }: Pick<PeerOptions, 'verify' | 'answers' | 'key' | 'dir'>): Trust {
  const key = keyOf(given)
  const secret = key && secretStep(key)
  const own = verify ?? [secret ?? verifyPingsDefinition]
  const kinds = new Set([...own, ...answers].map(({ kind }) => kind))
  const steps = [...own, ...answers, ...(secret === undefined || kinds.has(secret.kind) ? [] : [secret])]
  const needingBoth = steps.filter(needsBoth).map(({ kind }) => kind)
  return {
    steps,
    connection: {
      ...((verify !== undefined || key !== undefined) && { steps: own.map(({ kind }) => kind) }),
      ...(needingBoth.length > 0 && { answers: needingBoth })
    },
    actors: kinds.has(verifyAskDefinition.kind) ? [approvals(dir)] : []
  }
}

/** A step that speaks with its counterpart needs one. */
function needsBoth({ wire = [] }: ActorDefinition): boolean {
  return wire.some(({ level }) => level === Level.LEVEL_IDENTIFIED)
}
