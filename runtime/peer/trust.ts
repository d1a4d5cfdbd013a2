import { approvals } from '../../actors/approvals/index.ts'
import { NetworkKey } from '../../actors/identity/index.ts'
import type { Policy } from '../../machines/policy.ts'
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
  /** Kinds of the default steps, where the policy may choose between them and somebody who approves; else none. */
  readonly defaults: readonly string[]
  /** What must run beside the links. */
  readonly actors: readonly ActorSpec[]
}

/** @throws NetworkKeyError */
export function keyOf(key: PeerOptions['key']): NetworkKey | undefined {
  return typeof key === 'string' ? NetworkKey.parse(key) : key
}

/** @throws NetworkKeyError */
export function trustOf({ verify, answers = [], key: given, dir = '' }: Pick<PeerOptions, 'verify' | 'answers' | 'key' | 'dir'>, { defaultTrust }: Pick<Policy, 'defaultTrust'>): Trust {
  const key = keyOf(given)
  const secret = key && secretStep(key)
  const usual = secret ?? verifyPingsDefinition
  const asked = verify === undefined && !defaultTrust
  const own = verify ?? [asked ? verifyAskDefinition : usual]
  const kinds = new Set([...own, ...answers].map(({ kind }) => kind))
  const steps = [...own, ...answers, ...[...(secret === undefined ? [] : [secret]), ...(asked ? [verifyPingsDefinition] : [])].filter(({ kind }) => !kinds.has(kind))]
  const needingBoth = steps.filter(needsBoth).map(({ kind }) => kind)
  return {
    steps,
    connection: {
      ...((verify !== undefined || key !== undefined || asked) && { steps: own.map(({ kind }) => kind) }),
      ...(needingBoth.length > 0 && { answers: needingBoth })
    },
    defaults: asked ? [usual.kind] : [],
    actors: kinds.has(verifyAskDefinition.kind) ? [approvals(dir)] : []
  }
}

/** A step that speaks with its counterpart needs one. */
function needsBoth({ wire = [] }: ActorDefinition): boolean {
  return wire.some(({ level }) => level === Level.LEVEL_IDENTIFIED)
}
