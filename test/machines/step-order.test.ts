import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { stepName } from '../../machines/verify-step.ts'
import { demandsOf, stepsToRun, stepThatDiffers } from '../../machines/step-order.ts'

const BOTH = ['verify-a', 'verify-b', 'verify-c', 'verify-d']
const ALONE = ['verify-x', 'verify-y']

describe('the steps of two sides', () => {
  it('are those of one side where none needs the other', () => {
    const own = ['verify-pings', 'verify-pings', 'guest-list']
    expect(stepsToRun({ own, answers: [], demands: [], dialled: true })).toBe(own)
  })

  it('run in one order on both, each side\'s own steps among them once, and what only the other demands after what needs nobody', () => {
    const sides = fc.record({ own: fc.shuffledSubarray([...BOTH, ...ALONE]), other: fc.shuffledSubarray([...BOTH, ...ALONE]) })
    fc.assert(fc.property(sides, ({ own, other }) => {
      const ours = stepsToRun({ own, answers: BOTH, demands: demandsOf({ own: other, answers: BOTH }), dialled: true })
      const theirs = stepsToRun({ own: other, answers: BOTH, demands: demandsOf({ own, answers: BOTH }), dialled: false })
      const common = (steps: readonly string[]) => steps.filter(kind => BOTH.includes(kind))
      expect(common(ours)).toEqual(common(theirs))
      for (const [steps, wanted] of [[ours, own], [theirs, other]] as const) {
        expect(new Set(steps).size).toBe(steps.length)
        expect([...steps].sort()).toEqual([...new Set([...wanted, ...common(steps)])].sort())
        const alone = (list: readonly string[]) => list.filter(kind => ALONE.includes(kind))
        expect(alone(steps)).toEqual(alone(wanted))
      }
    }))
  })

  it('keep the order in which a side wants them, where the other has no other', () => {
    fc.assert(fc.property(fc.shuffledSubarray([...BOTH, ...ALONE]), fc.boolean(), (own, dialled) => {
      expect(stepsToRun({ own, answers: BOTH, demands: [], dialled })).toEqual(own)
    }))
  })

  it('differ where one is demanded in which the other cannot take part, or more than anybody needs', () => {
    expect(stepThatDiffers({ answers: ['verify-secret'], demands: ['secret'] })).toBeUndefined()
    expect(stepThatDiffers({ answers: ['verify-secret'], demands: ['secret', 'authority'] })).toBe('authority')
    expect(stepThatDiffers({ answers: BOTH, demands: Array.from({ length: 17 }, () => stepName(BOTH[0]!)) })).toBe('a')
  })
})
