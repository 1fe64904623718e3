// What the workers of a gateway and the primary that keeps them say to each other.

/** Set in the environment of the worker that says what is to be said once for all. */
export const spokesmanVariable = "SPEAKS_FOR_ALL";

/** What a worker may ask; each question is answered with yes or no. */
export type Question =
  /** Is this the first use of a sign-in attempt's state? */
  | { readonly useState: string }
  /** Have all workers come to listen? */
  | { readonly isReady: true };

export type FromWorker =
  | { readonly isLoaded: true }
  | { readonly listens: true }
  | { readonly pong: true }
  | { readonly question: Question; readonly id: number };

export type FromPrimary =
  | { readonly start: true }
  | { readonly ping: true }
  | { readonly reload: true }
  | { readonly answer: boolean; readonly id: number };
