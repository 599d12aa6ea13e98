#!/usr/bin/env node
/** The program: says how memory is spent, then loads everything else. */
import './small-memory.js';

void import('./main.js');
