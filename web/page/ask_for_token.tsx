import type { JSX } from "preact";

/** Form for the token that the server printed when it started. */
export function AskForToken({ wrong }: { wrong: boolean }): JSX.Element {
  return (
    <form method="post" action="/token" class="card narrow">
      <h1>This server requires a token</h1>
      <p>
        <code>temper ui</code> printed it at its start, as the end of the address.
      </p>
      {wrong && <p class="worse" role="alert">This is not the token.</p>}
      <label>
        Token
        <input type="password" name="token" autocomplete="off" required />
      </label>
      <button type="submit">Open</button>
    </form>
  );
}
