import type { ComponentChildren, JSX } from "preact";

/** Properties of a page's frame. */
export interface LayoutProps {
  title: string;
  /** Addresses of the script and the style sheet; or the sheet itself, with which a page shows sooner. */
  assets: { script: string; style: string | { text: string } };
  /** Address of the icon. */
  icon?: string;
  /** Address that the name of the site links to. */
  home?: string;
  /** Pages of the site, in its bar. */
  pages?: readonly { href: string; title: string }[];
  /** Content security policy, for servers that send no headers. */
  policy?: string;
}

/** Pages of the site that `temper ui` serves. */
export const SITE_PAGES = [
  { href: "/", title: "Runs" },
  { href: "/playground/", title: "In this browser" },
] as const;

/** A page: its head, the bar at the top, and the content. */
export function Layout(
  {
    title,
    assets,
    icon = "/static/icon.svg",
    home = "/",
    pages = SITE_PAGES,
    policy,
    children,
  }: LayoutProps & { children: ComponentChildren },
): JSX.Element {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        {policy !== undefined && <meta http-equiv="content-security-policy" content={policy} />}
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title === "Temper" ? title : `${title} · Temper`}</title>
        <link rel="icon" href={icon} type="image/svg+xml" />
        {typeof assets.style === "string"
          ? <link rel="stylesheet" href={assets.style} />
          : <style dangerouslySetInnerHTML={{ __html: assets.style.text }} />}
        <script type="module" src={assets.script} />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="bar">
          <a class="brand" href={home}>
            <img src={icon} alt="" width="24" height="24" />
            Temper
          </a>
          {pages.length > 0 && (
            <nav aria-label="Site">
              {pages.map(({ href, title }) => <a href={href}>{title}</a>)}
            </nav>
          )}
        </header>
        <main id="main" tabindex={-1}>{children}</main>
      </body>
    </html>
  );
}
