/** As Keycloak compares names: without case, and without what Java's `trim` takes away. */
export function foldLogin(login: string): string {
  let [start, end] = [0, login.length];
  while (start < end && login.charCodeAt(start) <= 0x20) start++;
  while (end > start && login.charCodeAt(end - 1) <= 0x20) end--;
  return login.slice(start, end).toLowerCase();
}
