import { render } from 'preact';
import { App } from './app.tsx';
import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/header.css';
import './styles/cards.css';
import './styles/tiles.css';
import './styles/signals.css';
import './styles/approval.css';
import './styles/tables.css';
import './styles/map.css';
import './styles/narrow.css';

const page = document.getElementById('page');
if (page) render(<App />, page);
