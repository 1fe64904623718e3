/** What a start is busy with, without a figure that only grows: `downloading Keycloak 26.7.3 (40 %)`. */
export function withoutFigure(progress: string): string {
  return progress.replace(/ \(\d+ %\)$/, "");
}
