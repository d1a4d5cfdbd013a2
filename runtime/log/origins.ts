/** What led to each message: eight bytes a message, however many. */
export class Origins {
  #seqs = new Float64Array(1_024)
  #first = 0

  /** @param seq each at least that of the call before */
  set(seq: number, origin: number): void {
    if (this.#first === 0) this.#first = seq
    const index = seq - this.#first
    if (index >= this.#seqs.length) {
      const roomier = new Float64Array(2 * index)
      roomier.set(this.#seqs)
      this.#seqs = roomier
    }
    this.#seqs[index] = origin
  }

  /** From the message back to where it began, itself first. A cause that does not come before its effect is none. */
  *chain(seq: number): Generator<number, void, void> {
    while (seq > 0) {
      yield seq
      const origin = this.#seqs[seq - this.#first] ?? 0
      if (!(origin < seq)) return
      seq = origin
    }
  }
}
