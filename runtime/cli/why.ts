import type { Diagnosis } from '../doctor/diagnosis.ts'
import { deciderIn, nextOf, triedOf } from '../doctor/words.ts'
import { cell, crop, legible } from './legible.ts'
import type { WhyFields } from './up/event.ts'

/** Rows of the history that a person is shown. */
const ROWS_MAX = 12
const LABEL = 11

/** A diagnosis as the event `why` tells it. */
export function whyFields(found: Diagnosis): WhyFields {
  const { peerId, standing, summary, advice, cause, history } = found
  return {
    peerId, summary, standing, advice, history,
    ...(cause && {
      code: cause.code, reason: cause.reason, initiator: cause.by, decider: cause.decider, address: cause.place, times: cause.times,
      decided: deciderIn(cause), next: nextOf(found).replace(/^; /, ''), ...(cause.rung !== 'backoff' && { endedIn: cause.rung, tried: triedOf(cause) })
    })
  }
}

/** What a person reads below the sentence: what was tried, where it ended, what decided, what to do, and how it came. */
export function whyTable({ tried = '', endedIn = '', code = '', initiator = 'network', decided = '', reason = '', advice, next = '', history }: WhyFields, columns: number): string[] {
  const facts: [label: string, text: string][] = code === '' ? [] : [
    ['tried', tried], ['ended in', endedIn], ['code', `${code}, by ${initiator}`], ['decided', decided], ['reason', reason],
    ['what to do', advice || 'nothing'], ['next', next]
  ]
  const line = (...cells: string[]): string => crop(`  ${cells.join(' ')}`.trimEnd(), columns)
  const rows = facts.filter(([, text]) => text !== '').flatMap(([label, text]) =>
    folded(legible(text), Math.max(20, columns - LABEL - 3)).map((part, at) => line(cell(at === 0 ? label : '', LABEL), part)))
  if (history.length === 0) return rows
  return [
    ...rows, line(cell('TIME', 8), cell('STATE', 12), 'WHAT HAPPENED'),
    ...history.slice(-ROWS_MAX).map(({ time, state, detail }) => line(new Date(time).toTimeString().slice(0, 8), cell(state, 12), legible(detail)))
  ]
}

/** Text on lines of so many characters, broken between words. */
export function folded(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
