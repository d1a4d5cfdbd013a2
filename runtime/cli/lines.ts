import { StringDecoder } from 'node:string_decoder'

/**
 * Cuts what is read into lines. A line without end takes no more memory than the longest that anybody wants: of a longer
 * one so much is kept as shows that it is too long.
 */
export class LineCutter {
  readonly #charsMax: number
  readonly #onLine: (line: string) => void
  readonly #decoder = new StringDecoder('utf8')
  #line = ''

  constructor(charsMax: number, onLine: (line: string) => void) {
    this.#charsMax = charsMax
    this.#onLine = onLine
  }

  push(chunk: Buffer): void {
    this.#take(this.#decoder.write(chunk))
  }

  /** Nothing more comes: a last line needs no end. */
  end(): void {
    this.#take(this.#decoder.end())
    if (this.#line !== '') this.#cut()
  }

  #take(text: string): void {
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.#keep(text.slice(start, end))
      this.#cut()
      start = end + 1
    }
    this.#keep(text.slice(start))
  }

  #keep(part: string): void {
    // Two characters more: one to be too long by, and one for the \r before an end.
    const room = this.#charsMax + 2 - this.#line.length
    if (room > 0) this.#line += part.slice(0, room)
  }

  #cut(): void {
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    this.#line = ''
    this.#onLine(line)
  }
}
