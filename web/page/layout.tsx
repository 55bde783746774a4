import type { ComponentChildren, JSX } from "preact";

/** A page: its head, the bar at the top, and the content. */
export function Layout(
  { title, assets, children }: {
    title: string;
    /** Addresses of the script and the style sheet. */
    assets: { script: string; style: string };
    children: ComponentChildren;
  },
): JSX.Element {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title === "Temper" ? title : `${title} · Temper`}</title>
        <link rel="icon" href="/static/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href={assets.style} />
        <script type="module" src={assets.script} />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="bar">
          <a class="brand" href="/">
            <img src="/static/icon.svg" alt="" width="24" height="24" />
            Temper
          </a>
          <nav aria-label="Site">
            <a href="/">Runs</a>
          </nav>
        </header>
        <main id="main" tabindex={-1}>{children}</main>
      </body>
    </html>
  );
}
