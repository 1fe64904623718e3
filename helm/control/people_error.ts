/** An order about users or groups that is not carried out; the message is for whoever gave it. */
export class PeopleError extends Error {
  override readonly name = "PeopleError";
  readonly isExpected = true;
  /** As HTTP has them: 404 for nobody of that name, 409 for what would lock everybody out. */
  readonly status: 404 | 409;

  constructor(status: 404 | 409, message: string) {
    super(message);
    this.status = status;
  }
}
