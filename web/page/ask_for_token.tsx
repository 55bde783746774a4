import type { JSX } from "preact";

/** Asks for the token that the server printed when it started. */
export function AskForToken({ wrong }: { wrong: boolean }): JSX.Element {
  return (
    <form method="post" action="/token" class="card narrow">
      <h1>This server asks for its token</h1>
      <p>
        It was printed when <code>temper ui</code> was started, at the end of the address.
      </p>
      {wrong && <p class="worse" role="alert">That was not the token.</p>}
      <label>
        Token
        <input type="password" name="token" autocomplete="off" required />
      </label>
      <button type="submit">Open</button>
    </form>
  );
}
