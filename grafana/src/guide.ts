import { buildDashboard } from './dashboard.ts';
import { DASHBOARDS } from './dashboards/index.ts';
import { MEASUREMENTS, type MeasurementSpec } from './schema.ts';

/** The parts of docs/grafana.md that follow from code: a list of panels and a list of measurements, in Markdown. */
export function guideSections(): Readonly<Record<'panels' | 'measurements', string>> {
  return { panels: panelGuide(), measurements: measurementGuide() };
}

function panelGuide(): string {
  return DASHBOARDS.map((spec) => {
    const rows = (buildDashboard(spec).panels ?? []).map(({ title, ...panel }) => {
      const doc = 'description' in panel ? (panel.description ?? '') : '';
      return `| ${title} | ${doc} |`;
    });
    return [
      `### ${spec.title} (\`${spec.uid}\`)`,
      '',
      spec.doc,
      '',
      '| panel | meaning |',
      '| --- | --- |',
      ...rows,
    ].join('\n');
  }).join('\n\n');
}

function measurementGuide(): string {
  return Object.entries<MeasurementSpec>(MEASUREMENTS)
    .map(([name, { doc, tags, fields }]) => {
      const tagRows = Object.entries(tags).map(([tag, words]) => `| \`${tag}\` | tag | ${words} |`);
      const fieldRows = Object.entries(fields).map(
        ([field, spec]) => `| \`${field}\` | ${spec.type} | ${spec.doc} |`,
      );
      return [
        `### ${name}`,
        '',
        doc,
        '',
        '| name | kind | meaning |',
        '| --- | --- | --- |',
        ...tagRows,
        ...fieldRows,
      ].join('\n');
    })
    .join('\n\n');
}

/** Puts the sections between their markers. Throws when a marker is missing. */
export function withGuide(page: string): string {
  return Object.entries(guideSections()).reduce((text, [name, section]) => {
    const block = new RegExp(`(<!-- ${name}:[^>]*-->\n)[^]*?(<!-- /${name} -->)`);
    if (!block.test(text)) throw new Error(`docs/grafana.md has no section marked ${name}`);
    return text.replace(block, (_, open: string, close: string) => `${open}\n${section}\n\n${close}`);
  }, page);
}
