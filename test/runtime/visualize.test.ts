import { describe, expect, it } from '@jest/globals'
import { createMachine } from 'xstate'
import { mermaid } from '../../runtime/visualize/mermaid.ts'

describe('a statechart as Mermaid text', () => {
  it('shows states, nested and final ones, and who leads where by which events', () => {
    expect(mermaid(createMachine({
      initial: 'shut',
      on: { Stop: '.gone' },
      states: {
        shut: { on: { Open: 'ajar', Push: 'ajar', Look: { actions: 'look' } }, after: { 5000: 'gone' } },
        ajar: { initial: 'creaking', states: { creaking: { on: { Oil: 'quiet' } }, quiet: { always: { guard: 'dry', target: 'creaking' } } }, on: { Shut: 'shut', Again: { target: 'ajar', reenter: true } } },
        gone: { type: 'final' }
      }
    }))).toBe([
      'stateDiagram-v2',
      '  [*] --> shut',
      '  state ajar {',
      '    [*] --> ajar_creaking',
      '    state "creaking" as ajar_creaking',
      '    state "quiet" as ajar_quiet',
      '  }',
      '  gone --> [*]',
      '  state "any state" as anywhere',
      '  anywhere --> gone : Stop',
      '  shut --> ajar : Open, Push',
      '  shut --> gone : after 5000 ms',
      '  ajar --> shut : Shut',
      '  ajar --> ajar : Again',
      '  ajar_creaking --> ajar_quiet : Oil',
      '  ajar_quiet --> ajar_creaking',
      ''
    ].join('\n'))
  })

  it('shows the parts of a parallel state side by side', () => {
    expect(mermaid(createMachine({
      initial: 'on',
      states: { on: { type: 'parallel', states: { left: { initial: 'a', states: { a: {} } }, right: { initial: 'b', states: { b: {} } } } } }
    }))).toContain([
      '  state on {',
      '    [*] --> on_left_a',
      '    state "a" as on_left_a',
      '    --',
      '    [*] --> on_right_b',
      '    state "b" as on_right_b',
      '  }'
    ].join('\n'))
  })

  it('has no name that Mermaid reads as its own', () => {
    const text = mermaid(createMachine({ initial: 'end', states: { end: { on: { 'chat.v1.Say': 'a b' } }, 'a b': {} } }))
    expect(text).toContain('state "end" as end_')
    expect(text).toContain('end_ --> a_b : chat.v1.Say')
  })
})
