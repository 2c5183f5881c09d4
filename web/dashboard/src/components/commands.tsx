import { Copy } from "./copy.tsx";

/** The requests and commands that do what the page does. */
export function Commands({ api, cli }: { api: string[]; cli: string[] }) {
  return (
    <details className="commands">
      <summary>API and command line</summary>
      {api.length > 0 && <CommandList title="API" commands={api} />}
      {cli.length > 0 && (
        <CommandList title="Command line, on a machine with the settings of Tidings" commands={cli} />
      )}
    </details>
  );
}

function CommandList({ title, commands }: { title: string; commands: string[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <ul>
        {commands.map((command) => (
          <li key={command}>
            <code>{command}</code>
            <Copy text={command} />
          </li>
        ))}
      </ul>
    </section>
  );
}
