import { approvalsDefaults, approvalsMachine, type ApprovalsOptions } from '../../machines/approvals.ts'
import { DecidePeer, RevokeTrust } from '../../proto/index.ts'
import { defineActor, type ActorSpec } from '../seam/index.ts'
import { approvalsFileDriver, type ApprovalsFileOptions } from './file-driver.ts'

/** Remembers what a person has decided about peers, for the step `ask`. */
export const approvalsDefinition = defineActor<ApprovalsOptions & ApprovalsFileOptions>({
  kind: 'approvals',
  machine: approvalsMachine,
  drivers: { file: approvalsFileDriver },
  options: { ...approvalsDefaults, dir: '' },
  listens: [DecidePeer, RevokeTrust]
})

/** @param dir the data folder; empty keeps nothing beyond this run */
export function approvals(dir: string): ActorSpec<ApprovalsOptions & ApprovalsFileOptions> {
  return { definition: approvalsDefinition, options: { dir } }
}
