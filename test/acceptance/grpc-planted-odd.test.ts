import { findPlanted } from './grpc-comparison/planted-suite.ts';

findPlanted(1);
