import type { InvariantMaker } from '../invariant.ts'
import { closedOnBothEnds, levelGating, oneLinkPerPair } from './links.ts'
import { allHandled, boundedQueues, linkLimits, messagesInOrder, noThrows, nothingLeft } from './peers.ts'
import { blockedStayOut, dialRestraint, linksStay, othersOnly } from './conduct.ts'
import { convergence, oneComponent, quiet } from './convergence.ts'
import { directoryKeeps } from './directory.ts'
import { discovery } from './discovery.ts'

/** What always must hold. */
export const builtInInvariants: readonly InvariantMaker[] = [
  levelGating, linkLimits, oneLinkPerPair, closedOnBothEnds, discovery, convergence, oneComponent, quiet, nothingLeft, boundedQueues, messagesInOrder,
  noThrows, allHandled, othersOnly, dialRestraint, linksStay, blockedStayOut, directoryKeeps
]
