import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { BLOCKED_MAX, changeProblem, defaultPolicy, firstName, nameProblem, policyProblem, type IdentifierPolicy, type Policy } from '../../machines/policy.ts'
import { policyKeeperMachine } from '../../machines/policy-keeper.ts'
import { RESUMES } from '../../machines/resume.ts'
import { DirectoryOpened, PeerBlocked, PolicyChanged, PolicyValue, SetName, SetPolicy } from '../../proto/index.ts'
import { MachineRun } from '../../runtime/testing/machine-run.ts'
import { changedPolicy, policyOf } from '../../runtime/peer/policy.ts'

const own = `${'m'.repeat(51)}a`
const ann = `${'a'.repeat(51)}a`
const bob = `${'b'.repeat(51)}a`
const facts = { peerId: own, decides: true, authority: false }

const keeper = (options: Partial<Policy> = {}): MachineRun => new MachineRun(policyKeeperMachine, { address: 'policy-keeper/main', options: { ...options, ...facts } })
const value = (change: Partial<Policy>) => new PolicyValue({ ...defaultPolicy, ...change } as PolicyValue)
const policyIn = (run: MachineRun) => run.context.policy as Policy

describe('a policy', () => {
  it.each([
    [{ communication: false, enhancedBeforeTrust: true }, 'communication-closed'],
    [{ enhancedBeforeTrust: true, inboundPlacement: 'both' }, 'queue-passed-by'],
    [{ identifier: 'remote' }, 'nobody-names'], [{ identifier: 'strict-remote-only' }, 'nobody-names'],
    [{ inboundQueueLimit: 0 }, 'queue-limit'], [{ inboundQueueLimit: 10_001 }, 'queue-limit'],
    [{ blocked: ['somewhere'] }, 'blocked-entry'],
    [{ blocked: [own] }, 'blocks-itself'],
    [{ blocked: Array.from({ length: BLOCKED_MAX + 1 }, (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`) }, 'blocked-too-many']
  ] as [Partial<Policy>, string][])('that contradicts itself is refused by name', (change, problem) => {
    expect(policyProblem({ ...defaultPolicy, ...change }, facts)).toMatchObject({ problem, reason: expect.stringMatching(/: /) })
    expect(() => changedPolicy(defaultPolicy, change, facts)).toThrow(expect.objectContaining({ name: 'PolicyError', problem }))
  })

  it.each([
    [{ inbuond: true }, 'unknown-part'], [{ inbound: 'yes' }, 'wrong-type'], [{ blocked: 'ann' }, 'wrong-type'], [{ blocked: [1] }, 'wrong-type'], [{ inboundPlacement: 'heap' }, 'wrong-type'], [{ identifier: 'anybody' }, 'wrong-type'], [{ inboundQueueLimit: 1.5 }, 'wrong-type'],
    [null, 'not-a-policy'], [[], 'not-a-policy'], ['open', 'not-a-policy']
  ] as [unknown, string][])('of another form is refused by name: %j', (change, problem) => {
    expect(() => changedPolicy(defaultPolicy, change as Partial<Policy>, facts)).toThrow(expect.objectContaining({ name: 'PolicyError', problem }))
  })

  it('leaves nobody to decide who is trusted only where nobody is there from the start', () => {
    expect(policyProblem({ ...defaultPolicy, defaultTrust: false }, { ...facts, decides: false })).toMatchObject({ problem: 'nobody-decides' })
    expect(policyProblem({ ...defaultPolicy, defaultTrust: false }, facts)).toBeUndefined()
  })

  it.each([
    // The policy, then who may say what the peer is called: the host program, an authority first, an authority again.
    ['strict-local-only', 'name-settled', 'name-settled', 'name-settled'],
    ['local', undefined, 'name-is-local', 'name-is-local'],
    ['local-and-remote', undefined, undefined, undefined],
    ['remote', 'name-is-remote', undefined, undefined],
    ['strict-remote-only', 'name-is-remote', undefined, 'name-settled']
  ] as [IdentifierPolicy, ...(string | undefined)[]][])('says who may name the peer: %s', (identifier, ...expected) => {
    const policy = { ...defaultPolicy, identifier }
    expect([nameProblem(policy, 'ann', false, false), nameProblem(policy, 'ann', true, false), nameProblem(policy, 'ann', true, true)].map(wrong => wrong?.problem)).toEqual(expected)
    expect([firstName(policy, 'ann', 'ann by authority'), firstName(policy, undefined, 'ann by authority'), firstName(policy, undefined, '')]).toEqual({
      'strict-local-only': ['ann', undefined, undefined], 'local': ['ann', undefined, undefined], 'local-and-remote': ['ann', 'ann by authority', undefined],
      'remote': ['ann by authority', 'ann by authority', undefined], 'strict-remote-only': ['ann by authority', 'ann by authority', undefined]
    }[identifier])
    for (const name of ['', 'x'.repeat(65), '\ud83d']) expect(nameProblem({ ...defaultPolicy }, name, true, false)).toMatchObject({ problem: 'name' })
  })

  it('of strict names is settled with the name', () => {
    const [local, remote] = [{ ...defaultPolicy, identifier: 'strict-local-only' }, { ...defaultPolicy, identifier: 'strict-remote-only' }] as Policy[]
    expect(changeProblem(local!, defaultPolicy, false)).toMatchObject({ problem: 'identifier-settled' })
    expect(changeProblem(remote!, defaultPolicy, true)).toMatchObject({ problem: 'identifier-settled' })
    for (const [before, after, named] of [[remote, defaultPolicy, false], [local, { ...local, inbound: false }, true], [defaultPolicy, local, true]] as [Policy, Policy, boolean][]) {
      expect(changeProblem(before, after, named)).toBeUndefined()
    }
  })

  it('has inbound in one place', () => {
    expect(policyOf({ inbound: false }, own)).toEqual({ ...defaultPolicy, inbound: false })
    expect(policyOf({ inbound: false, policy: { inbound: false } }, own).inbound).toBe(false)
    expect(() => policyOf({ inbound: true, policy: { inbound: false } }, own)).toThrow(expect.objectContaining({ problem: 'inbound-twice' }))
  })
})

describe('the keeper of the policy', () => {
  it('says nothing where all is as usual, and tells its driver and everybody what is not', () => {
    expect(keeper().said).toEqual([])
    const { said } = keeper({ blocked: ['192.0.2.1'] })
    expect(said).toMatchObject([
      { type: 'PolicyChanged', to: 'policy-keeper/main#guard', body: { policy: { communication: true, inbound: true, blocked: ['192.0.2.1'] } } },
      { type: 'PolicyChanged', to: '', body: { policy: { communication: true, inbound: true, blocked: ['192.0.2.1'] } } }
    ])
  })

  it('takes another one, and says who is not blocked any more', () => {
    const run = keeper({ blocked: [ann, '192.0.2.1'] })
    run.take()
    run.hear(new SetPolicy({ policy: value({ inbound: false, blocked: ['192.0.2.1'] }) }))
    expect(run.take()).toMatchObject([{ to: 'policy-keeper/main#guard' }, { to: '', body: { policy: { inbound: false, blocked: ['192.0.2.1'] }, unblocked: [ann] } }])
    run.hear(new SetPolicy({ policy: value({ inbound: false, blocked: ['192.0.2.1'] }) }))
    expect(run.take()).toEqual([])
  })

  it('changes the named parts alone, so that changes given at once all count', () => {
    const run = keeper({ blocked: [ann] })
    run.hear(new SetPolicy({ policy: value({ inbound: false, inboundQueueLimit: 7 }), parts: ['inboundQueueLimit'] }))
    run.hear(new SetPolicy({ block: ['192.0.2.1'] }))
    run.hear(new SetPolicy({ block: ['192.0.2.2'], unblock: [ann] }))
    expect(policyIn(run)).toEqual({ ...defaultPolicy, inboundQueueLimit: 7, blocked: ['192.0.2.1', '192.0.2.2'] })
    run.hear(new SetPolicy({ block: ['nonsense'] }))
    expect(run.take().at(-1)).toMatchObject({ type: 'PolicyRefused', body: { problem: 'blocked-entry' } })
  })

  it('refuses a contradictory one by name, and keeps the one before', () => {
    const run = keeper({ blocked: [ann] })
    run.take()
    run.hear(new SetPolicy({ policy: value({ blocked: ['nonsense'] }) }))
    expect(run.take()).toMatchObject([{ type: 'PolicyRefused', to: '', body: { problem: 'blocked-entry' } }])
    expect(policyIn(run)).toEqual({ ...defaultPolicy, blocked: [ann] })
  })

  it('blocks whom a person blocks, and whom the directory holds as blocked', () => {
    const run = keeper()
    run.hear(new PeerBlocked({ peerId: ann, blocked: true }))
    expect(policyIn(run).blocked).toEqual([ann])
    run.hear(new DirectoryOpened({ blocked: [ann, bob] }))
    expect(policyIn(run).blocked).toEqual([ann, bob])
    run.hear(new PeerBlocked({ peerId: ann, blocked: false }))
    expect(policyIn(run).blocked).toEqual([bob])
    run.hear(new PeerBlocked({ peerId: own, blocked: true }))
    expect(run.take().at(-1)).toMatchObject({ type: 'PolicyRefused', body: { problem: 'blocks-itself' } })
  })

  it('has the peer called otherwise by whoever may, and refuses others by name', () => {
    const run = new MachineRun(policyKeeperMachine, { address: 'policy-keeper/main', options: { ...facts, authority: true, identifier: 'strict-remote-only' } })
    run.take()
    run.hear(new SetName({ name: 'ann' }))
    run.hear(new SetName({ name: 'ann by authority', remote: true }))
    run.hear(new SetName({ name: 'another', remote: true }))
    run.hear(new SetPolicy({ policy: value({}) }))
    expect(run.take()).toMatchObject([
      { type: 'PolicyRefused', to: '', body: { problem: 'name-is-remote' } },
      { type: 'NameChanged', to: 'policy-keeper/main#guard', body: { name: 'ann by authority' } }, { type: 'NameChanged', to: '' },
      { type: 'PolicyRefused', body: { problem: 'name-settled' } }, { type: 'PolicyRefused', body: { problem: 'identifier-settled' } }
    ])
  })

  describe('that failed and is restarted', () => {
    const resumed = (options: object = {}) => new MachineRun(policyKeeperMachine, { incarnation: 1, flags: [RESUMES], options: { blocked: [bob], ...options, ...facts } })
    const told = (run: MachineRun) => {
      run.pass(0)
      return run.of('PolicyChanged').map(({ to, body }) => [to, body.policy?.blocked])
    }

    it('goes on with what it announced last, and tells nobody of its first policy', () => {
      const run = resumed()
      run.hear(new DirectoryOpened({ blocked: [bob] }), 'system')
      run.hear(new PolicyChanged({ policy: value({ blocked: [ann], inbound: false }) }), 'system')
      expect(run.said).toEqual([])
      expect(told(run)).toEqual([['policy-keeper/main#guard', [ann]], ['', [ann]]])
      expect(policyIn(run)).toEqual({ ...defaultPolicy, blocked: [ann], inbound: false })
    })

    it('blocks whom a directory holds as blocked that was opened meanwhile', () => {
      const run = resumed()
      run.hear(new PolicyChanged({ policy: value({ blocked: [] }) }), 'system')
      run.hear(new DirectoryOpened({ blocked: [ann] }), 'system')
      expect(told(run)).toEqual([['policy-keeper/main#guard', [ann]], ['', [ann]]])
    })

    it('keeps what is asked of it in the same moment, whatever is announced', () => {
      const run = resumed()
      run.hear(new PolicyChanged({ policy: value({}) }), 'system')
      run.hear(new SetPolicy({ block: ['192.0.2.1'] }))
      run.hear(new SetPolicy({ block: ['192.0.2.2'] }))
      run.hear(new PolicyChanged({ policy: value({ blocked: ['192.0.2.1'] }) }), 'policy-keeper/main')
      expect(told(run).at(-1)).toEqual(['', ['192.0.2.1', '192.0.2.2']])
    })

    it('has a name that is settled still settled', () => {
      const remote = { ...facts, authority: true, identifier: 'strict-remote-only' as const }
      const first = new MachineRun(policyKeeperMachine, { flags: [RESUMES], options: remote })
      first.hear(new SetName({ name: 'ann by authority', remote: true }))
      const run = new MachineRun(policyKeeperMachine, { incarnation: 1, flags: [RESUMES], options: remote })
      run.hear(first.of('NameChanged')[0]!.body, 'system')
      run.pass(0)
      run.hear(new SetName({ name: 'another', remote: true }))
      expect(run.take().at(-1)).toMatchObject({ type: 'PolicyRefused', body: { problem: 'name-settled' } })
    })

    it('begins anew where the log is of a time in which it did', () => {
      const run = new MachineRun(policyKeeperMachine, { incarnation: 1, flags: [], options: { blocked: [bob], ...facts } })
      expect([run.state, told(run)]).toEqual(['keeping', [['policy-keeper/main#guard', [bob]], ['', [bob]]]])
    })
  })

  it('ends in a policy that makes sense, whatever it is told', () => {
    const any = fc.record({ inbound: fc.boolean(), communication: fc.boolean(), enhancedBeforeTrust: fc.boolean(), defaultTrust: fc.boolean(), inboundPlacement: fc.constantFrom('event', 'both', 'heap', ''), inboundQueueLimit: fc.constantFrom(0, 1, 64, 1e6), identifier: fc.constantFrom('local', 'remote', 'strict-local-only', 'x'), blocked: fc.array(fc.oneof(fc.string(), fc.ipV4(), fc.constantFrom(own, ann, bob)), { maxLength: 5 }) }, { requiredKeys: [] })
    fc.assert(fc.property(fc.array(any, { maxLength: 5 }), policies => {
      const run = keeper()
      for (const policy of policies) run.hear(new SetPolicy({ policy: new PolicyValue(policy as PolicyValue) }))
      run.hear(new SetPolicy())
      expect(policyProblem(policyIn(run), facts)).toBeUndefined()
    }))
  })
})
