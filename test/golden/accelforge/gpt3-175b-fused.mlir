// A layer of GPT-3 175B on the TPU v4i: AccelForge's published optimum with at most one shared loop. V and Q live in main memory, all else on chip; AV
// is summed in two units that share no adder, whose first sums are written without a read.
//
// RUN: einsum-compile %S/Inputs/gpt3-175b.ein --arch %arch-specs/accelforge-tpu-v4i.json --mapping=%s --json=%t.json > /dev/null
// RUN: %python %S/Inputs/check.py %t.json energy_j~1.17513 latency_s~56.3306e-3
schedule.mapping @fused of @layer on "accelforge-tpu-v4i" {
  schedule.storage "MainMemory" ["I_in", "WV", "WK", "WQ", "WZ", "WFFA", "WFFB", "V", "Q", "FFB"] {
    schedule.storage "GlobalBuffer" ["I", "K", "AV", "Z"] {
      schedule.sequence {
        schedule.temporal "m" tile 1 {
          schedule.temporal "d" tile 512 {
            schedule.spatial "d" tile 128 across "Z" {
              schedule.spatial "d" tile 1 across "lane" {
                schedule.compute "I" on "ScalarUnit"
              }
            }
          }
        }
        schedule.temporal "h" tile 24 {
          schedule.spatial "h" tile 6 across "Z" {
            schedule.storage "LocalBuffer" ["V"] {
              schedule.temporal "d" tile 128 {
                schedule.storage "LocalBuffer" ["I"] {
                  schedule.temporal "h" tile 1 {
                    schedule.spatial "e" tile 1 across "reuse_input" {
                      schedule.spatial "d" tile 1 across "reuse_output" {
                        schedule.storage "Register" ["WV"] {
                          schedule.temporal "m" tile 1 {
                            schedule.compute "V" on "MAC"
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
        schedule.temporal "h" tile 24 {
          schedule.spatial "h" tile 6 across "Z" {
            schedule.storage "LocalBuffer" ["K"] {
              schedule.temporal "d" tile 128 {
                schedule.storage "LocalBuffer" ["I"] {
                  schedule.temporal "h" tile 1 {
                    schedule.spatial "e" tile 1 across "reuse_input" {
                      schedule.spatial "d" tile 1 across "reuse_output" {
                        schedule.storage "Register" ["WK"] {
                          schedule.temporal "m" tile 1 {
                            schedule.compute "K" on "MAC"
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
        schedule.temporal "h" tile 24 {
          schedule.spatial "h" tile 6 across "Z" {
            schedule.storage "LocalBuffer" ["Q"] {
              schedule.temporal "d" tile 128 {
                schedule.storage "LocalBuffer" ["I"] {
                  schedule.temporal "h" tile 1 {
                    schedule.spatial "e" tile 1 across "reuse_input" {
                      schedule.spatial "d" tile 1 across "reuse_output" {
                        schedule.storage "Register" ["WQ"] {
                          schedule.temporal "m" tile 1 {
                            schedule.compute "Q" on "MAC"
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
        schedule.temporal "h" tile 2 {
          schedule.storage "GlobalBuffer" ["QK", "S"] {
            schedule.sequence {
              schedule.spatial "m" tile 1024 across "Z" {
                schedule.spatial "h" tile 1 across "Z" {
                  schedule.storage "LocalBuffer" ["Q"] {
                    schedule.temporal "p" tile 128 {
                      schedule.storage "LocalBuffer" ["QK"] {
                        schedule.spatial "p" tile 1 across "reuse_input" {
                          schedule.spatial "e" tile 1 across "reuse_output" {
                            schedule.storage "Register" ["K"] {
                              schedule.temporal "m" tile 1 {
                                schedule.compute "QK" on "MAC"
                              }
                            }
                          }
                        }
                      }
                    }
                  }
                }
              }
              schedule.temporal "m" tile 1024 {
                schedule.spatial "m" tile 256 across "Z" {
                  schedule.storage "LocalBuffer" ["QK"] {
                    schedule.temporal "m" tile 128 {
                      schedule.temporal "p" tile 1 {
                        schedule.temporal "h" tile 1 {
                          schedule.storage "LocalBuffer" ["S"] {
                            schedule.spatial "m" tile 1 across "lane" {
                              schedule.compute "S" on "ScalarUnit"
                            }
                          }
                        }
                      }
                    }
                  }
                }
              }
              schedule.spatial "h" tile 1 across "Z" {
                schedule.spatial "p" tile 1024 across "Z" {
                  schedule.storage "LocalBuffer" ["AV"] {
                    schedule.temporal "p" tile 128 {
                      schedule.storage "LocalBuffer" ["S"] {
                        schedule.spatial "f" tile 1 across "reuse_input" {
                          schedule.spatial "p" tile 1 across "reuse_output" {
                            schedule.storage "Register" ["V"] {
                              schedule.temporal "m" tile 1 {
                                schedule.compute "AV" on "MAC"
                              }
                            }
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
        schedule.temporal "g" tile 3072 {
          schedule.spatial "g" tile 768 across "Z" {
            schedule.storage "LocalBuffer" ["Z"] {
              schedule.temporal "h" tile 1 {
                schedule.storage "LocalBuffer" ["AV"] {
                  schedule.temporal "g" tile 128 {
                    schedule.spatial "g" tile 1 across "reuse_input" {
                      schedule.spatial "f" tile 1 across "reuse_output" {
                        schedule.storage "Register" ["WZ"] {
                          schedule.temporal "m" tile 1 {
                            schedule.compute "Z" on "MAC"
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
        schedule.storage "GlobalBuffer" ["FFB"] {
          schedule.temporal "c" tile 6144 {
            schedule.storage "GlobalBuffer" ["FFA"] {
              schedule.sequence {
                schedule.temporal "c" tile 3072 {
                  schedule.spatial "c" tile 768 across "Z" {
                    schedule.storage "LocalBuffer" ["FFA"] {
                      schedule.temporal "g" tile 128 {
                        schedule.storage "LocalBuffer" ["Z"] {
                          schedule.temporal "c" tile 128 {
                            schedule.spatial "c" tile 1 across "reuse_input" {
                              schedule.spatial "g" tile 1 across "reuse_output" {
                                schedule.storage "Register" ["WFFA"] {
                                  schedule.temporal "m" tile 1 {
                                    schedule.compute "FFA" on "MAC"
                                  }
                                }
                              }
                            }
                          }
                        }
                      }
                    }
                  }
                }
                schedule.temporal "j" tile 3072 {
                  schedule.spatial "j" tile 768 across "Z" {
                    schedule.storage "LocalBuffer" ["FFB"] {
                      schedule.temporal "c" tile 128 {
                        schedule.storage "LocalBuffer" ["FFA"] {
                          schedule.temporal "j" tile 128 {
                            schedule.spatial "j" tile 1 across "reuse_input" {
                              schedule.spatial "c" tile 1 across "reuse_output" {
                                schedule.storage "Register" ["WFFB"] {
                                  schedule.temporal "m" tile 1 {
                                    schedule.compute "FFB" on "MAC"
                                  }
                                }
                              }
                            }
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
