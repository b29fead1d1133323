/* What is asked about warm-ups: acts on a ramp, a plan. Reads the ask, hands it to the
 * view; one that makes no sense is answered here. Core thread. */

#ifndef RELAY_API_WARMUPS_H
#define RELAY_API_WARMUPS_H

struct api_answer;
struct api_request;
struct api_view;

void api_warmups_act(const struct api_view *view, const struct api_request *request,
                     struct api_answer *answer);
void api_warmups_plan(const struct api_view *view, const struct api_request *request,
                      struct api_answer *answer);

#endif
