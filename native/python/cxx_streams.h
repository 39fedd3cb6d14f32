// std::cout and its like, for extension modules that are written in C++.
#ifndef MMPY_CXX_STREAMS_H
#define MMPY_CXX_STREAMS_H

namespace mmpy {

// Makes libstdc++'s own std::cout, std::cerr, std::clog and std::cin usable. They exist twice in a program like Node,
// which has copies that everything uses (copy relocations); but libraries loaded with DEEPBIND find libstdc++'s
// originals, which nothing has constructed, and crash when they print: RtMidi does with every warning. The originals
// write where the copies do.
void ShareCxxStreams();

}  // namespace mmpy

#endif
