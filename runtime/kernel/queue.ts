const smallest = 64
const keptWhenEmpty = 4_096

/** A first-in first-out ring that grows as needed and gives its memory back when it runs empty. */
export class Queue<T> {
  #slots: (T | undefined)[] = Array.from({ length: smallest })
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item
    this.#size++
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    if (--this.#size === 0 && this.#slots.length > keptWhenEmpty) {
      this.#slots = Array.from({ length: smallest })
      this.#head = 0
    }
    return item
  }

  /** What waits, oldest first. */
  toArray(): T[] {
    const items: T[] = []
    for (let i = 0; i < this.#size; i++) items.push(this.#slots[(this.#head + i) & (this.#slots.length - 1)] as T)
    return items
  }

  #grow(): void {
    const slots: (T | undefined)[] = this.toArray()
    slots.length *= 2
    this.#slots = slots
    this.#head = 0
  }
}
