/** Where routines are kept. */
export const ROUTINES = 'routines/main'
