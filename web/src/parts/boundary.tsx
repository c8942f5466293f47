import { Component, type ComponentChildren } from 'preact';

/** Keeps one broken view from leaving an empty page: says so, and tries again with the next view. */
export class Boundary extends Component<
  { viewAtMs: number; children?: ComponentChildren },
  { failedAtMs: number | null }
> {
  override state = { failedAtMs: null };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ failedAtMs: this.props.viewAtMs });
  }

  override render() {
    if (this.state.failedAtMs === this.props.viewAtMs) {
      return (
        <section class="card waiting">
          <h1>This could not be drawn</h1>
          <p>The page tries again with the next news from the server. If it stays, reload the page.</p>
        </section>
      );
    }
    return this.props.children;
  }
}
