import {
  Approval, ApprovalFound, ApprovalsLoaded, ApprovalWanted, CertificateChecked, CertificatePresented, CertificateShown, DecidePeer, Decision,
  NonceDrawn, ProofChecked, ProofMade, RevokeTrust, SecretChallenge, SecretProof, StepDecided, StepMessage, StepSays, StepWaits
} from '../../../proto/index.ts'
import type { PathStep } from '../../../runtime/testing/paths.ts'
import { ADDRESS, LINK } from '../connection-run.ts'
import type { Walks } from './walks.ts'

const BEA = 'peer/bea'
const step = (kind: string, options: object = {}) => ({
  address: `${kind}/one`, parent: ADDRESS, options: { link: LINK, peerId: 'bea', linkId: 'l1', direction: 'out', ...options }
})

const said: readonly PathStep[] = [
  [new NonceDrawn({ nonce: new Uint8Array(32) }), 'verify-secret/one#proof'], [new ProofMade({ proof: new Uint8Array(32) }), 'verify-secret/one#proof'],
  [new ProofChecked(), 'verify-secret/one#proof'], [new ProofChecked({ code: 'proof-wrong' }), 'verify-secret/one#proof'],
  [new SecretChallenge({ nonce: new Uint8Array(32) }), BEA], [new SecretChallenge({ nonce: new Uint8Array(31) }), BEA],
  [new SecretProof({ proof: new Uint8Array(32) }), BEA], [new SecretProof({ proof: new Uint8Array(31) }), BEA]
]

export const verifySecretPaths: Walks = {
  walks: ['out', 'in'].map(direction => ({ input: step('verify-secret', { direction }), events: said, key: ({ theirs }) => (theirs as Uint8Array).length }))
}

export const verifyAuthorityPaths: Walks = {
  walks: [true, false].map(demanded => ({
    input: step('verify-authority', { demanded }),
    events: [
      [new CertificatePresented(), 'verify-authority/one#certificate'], [new CertificateShown(), BEA],
      [new CertificateChecked(), 'verify-authority/one#certificate'], [new CertificateChecked({ code: 'certificate-forged' }), 'verify-authority/one#certificate']
    ],
    key: ({ shown }) => shown !== null
  }))
}

export const verifyAllowlistPaths: Walks = { walks: [['bea'], ['cid']].map(allow => ({ input: step('verify-allowlist', { allow }), events: [] })) }

const decisions: readonly PathStep[] = [true, false].flatMap(approved => ['bea', 'cid'].map(peerId => new DecidePeer({ peerId, approved })))

export const verifyAskPaths: Walks = {
  walks: [{
    input: step('verify-ask'),
    events: [...decisions, ...[0, 1, 2].map(decision => [new ApprovalFound({ decision }), 'approvals/main'] as const)]
  }]
}

export const approvalsPaths: Walks = {
  walks: [{
    events: [
      ...decisions, [new ApprovalWanted({ peerId: 'bea' }), 'verify-ask/one'], new RevokeTrust({ peerId: 'bea' }),
      [new ApprovalsLoaded({ approvals: [new Approval({ peerId: 'bea', decision: Decision.DECISION_REFUSED, reason: 'no' })] }), 'approvals/main#file']
    ]
  }]
}

/** The machine of functions of a host program; no actor of the library is of it. */
export const asyncStepPaths: Walks = {
  walks: [{
    input: step('async-step', { name: 'guests' }),
    events: [
      [new StepSays(), 'verify-guests/one#run'], [new StepMessage({ step: 'guests' }), BEA], [new StepWaits({ reason: 'hm' }), 'verify-guests/one#run'],
      [new StepDecided(), 'verify-guests/one#run'], [new StepDecided({ code: 'not-invited' }), 'verify-guests/one#run']
    ]
  }]
}
